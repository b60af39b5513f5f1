"""What SonarQube says on a commit: its quality gate, an analysis that is there already, and its webhook's news."""

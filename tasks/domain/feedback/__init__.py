"""What people read on GitHub about a commit and a pull request: checks, annotations, one comment, deployments."""

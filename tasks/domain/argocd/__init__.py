"""What Argo CD's answers say, as values."""

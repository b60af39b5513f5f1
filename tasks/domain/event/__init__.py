"""GitHub's events: what they say, and what they ask for."""

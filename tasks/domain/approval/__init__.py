"""A person's decision on one candidate for one environment."""

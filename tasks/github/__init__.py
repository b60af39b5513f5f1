"""GitHub over its REST API: what is read of commits and people, and what is told there."""

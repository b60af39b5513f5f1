"""Asks people, and finds out who they are."""

"""Runs an application's checks, apart from this system and within limits."""

"""Runs a program so that nothing it starts outlives it."""

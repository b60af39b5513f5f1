"""Edits of YAML text that change only the characters of what changes."""

"""The command `tidegate`, one file per command; it ends with 1 where it was refused, with 2 for wrong input."""

from deployments.command_line.application import main

__all__ = ["main"]

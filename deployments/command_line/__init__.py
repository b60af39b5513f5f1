"""The command `tidegate`, one file per command.

It ends with 1 where it was refused or nobody answered, with 2 for wrong input, and with 3 where all went well but a
script may want to know: nothing had to change (`set-image`), or something stands against it (`plan`, `why`).
"""

from deployments.command_line.application import main

__all__ = ["main"]

"""`python -m deployments.command_line` is the same as `tidegate`."""

from deployments.command_line import main

if __name__ == "__main__":
    main()

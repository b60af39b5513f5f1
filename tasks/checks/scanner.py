"""Which of SonarQube's scanners this worker has."""

from tasks.domain.gates.scan import SCANNERS
from tasks.process.group import clean_environment, find_program


def find_scanner() -> str | None:
    """The first of them on the PATH that checks get; None where there is none."""
    path = clean_environment("")["PATH"]
    for name in SCANNERS:
        try:
            find_program(name, path)
        except FileNotFoundError:
            continue
        return name
    return None

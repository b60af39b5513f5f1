"""What a Python application is checked with: ruff, pytest with coverage, and pip-audit."""

import tomllib
from collections.abc import Iterator, Mapping
from typing import Any

from tasks.domain.gates.check import Check, Reports
from tasks.domain.toolchain.recognition import TreeFacts

_REQUIREMENTS = ("requirements.txt", "requirements-dev.txt", "requirements-test.txt", "dev-requirements.txt")
_TEST_GROUPS = ("test", "tests", "dev")
# The settings of coverage are the platform's: the repository's own could leave out what has no tests.
_COVERAGE = "[run]\\nomit = */tests/*, */test_*.py, */conftest.py, */setup.py, .venv/*\\n"
_TESTS = f"""printf '{_COVERAGE}' > "$TMPDIR/coverage.ini"
mkdir -p build/reports
export PYTHONPATH=src:. COVERAGE_FILE="$TMPDIR/coverage"
exec .venv/bin/python -m pytest --junitxml=build/reports/junit.xml --cov=. --cov-config="$TMPDIR/coverage.ini" \\
  --cov-report=xml:build/reports/coverage.xml"""
# The application itself stands in no index of vulnerabilities, and is the line with an @.
_INSTALL = """python3 -m venv .venv
{install}.venv/bin/python -m pip freeze -q | grep -v -e ' @ ' -e '^-e' > .venv/frozen.txt || true
.venv/bin/python -m pip install -q pytest pytest-cov"""
_AUDIT = """mkdir -p build/reports
exec pip-audit --requirement=.venv/frozen.txt --no-deps --disable-pip \\
  --format=json --output=build/reports/pip-audit.json"""


def python_checks(tree: TreeFacts) -> dict[str, Check]:
    """The application's own packages come from an environment of the commit's own, never from this system's."""
    wanted = " ".join(f"'{one}'" for one in _wanted(tree))
    install = f".venv/bin/python -m pip install -q {wanted}\n" if wanted else ""
    return {
        "install": Check(command=("sh", "-ec", _INSTALL.format(install=install)), before_others=True, retries=1),
        "lint": Check(command=("ruff", "check", "--no-cache", "."), timeout_seconds=300),
        "tests": Check(
            command=("sh", "-ec", _TESTS),
            timeout_seconds=1800,
            reports=Reports(junit="build/reports/junit.xml", cobertura="build/reports/coverage.xml"),
        ),
        "audit": Check(
            command=("sh", "-ec", _AUDIT),
            timeout_seconds=600,
            retries=1,
            exit_codes=(0, 1),
            reports=Reports(pip_audit="build/reports/pip-audit.json"),
        ),
    }


def _wanted(tree: TreeFacts) -> Iterator[str]:
    """pip's arguments for what the application and its tests need."""
    yield from (f"--requirement={name}" for name in _REQUIREMENTS if name in tree.names)
    project = _read(tree.texts.get("pyproject.toml", ""))
    if "project" in project or "build-system" in project or tree.names & {"setup.py", "setup.cfg"}:
        extras = _part(_part(project, "project"), "optional-dependencies")
        wanted = [name for name in _TEST_GROUPS if name in extras]
        yield f".[{','.join(wanted)}]" if wanted else "."
    groups = _part(project, "dependency-groups")
    yield from dict.fromkeys(one for name in _TEST_GROUPS for one in _group(groups, name, frozenset()))


def _group(groups: Mapping[str, Any], name: str, seen: frozenset[str]) -> Iterator[str]:
    """A dependency group with those that it includes (https://packaging.python.org/specifications/dependency-groups)."""
    entries = groups.get(name)
    for entry in entries if isinstance(entries, list) and name not in seen else []:
        if isinstance(entry, dict):
            yield from _group(groups, str(entry.get("include-group")), seen | {name})
        elif isinstance(entry, str) and "'" not in entry and not entry.startswith("-"):
            yield entry
        elif isinstance(entry, str) and not entry.startswith("-"):
            yield entry.replace("'", '"')


def _read(text: str) -> Mapping[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        # pip says so, with the line.
        return {"project": {}}


def _part(mapping: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    part = mapping.get(key)
    return part if isinstance(part, dict) else {}

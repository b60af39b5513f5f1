"""Measures an uploaded report: lines of code, issues that a few rules find, and coverage.

The report is a zip file with the sources below `sources/` and, where there is one, a Cobertura report `coverage.xml`.
"""

import ast
import io
import json
import re
import tokenize
import zipfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import ParseError, fromstring

_LARGEST_REPORT = 50 * 1024 * 1024
_SILENT_TOKENS = {
    tokenize.COMMENT,
    tokenize.NL,
    tokenize.NEWLINE,
    tokenize.INDENT,
    tokenize.DEDENT,
    tokenize.ENCODING,
    tokenize.ENDMARKER,
}
_TAGS = {"TODO": ("python:S1135", "CODE_SMELL"), "FIXME": ("python:S1134", "CODE_SMELL")}
_SECRET_NAME = re.compile(r"(passw(or)?d|passwd|pwd|secret)s?$", re.IGNORECASE)
_MEASURE_OF_KIND = {"BUG": "bugs", "VULNERABILITY": "vulnerabilities", "CODE_SMELL": "code_smells"}


class InvalidUpload(Exception):
    """The report cannot be computed; the message is what the task's error says."""


@dataclass(frozen=True)
class Issue:
    """Something that a rule found."""

    rule: str
    kind: str
    path: str
    line: int
    text: str


@dataclass(frozen=True)
class Measures:
    """What was measured: SonarQube's metric keys to numbers, and the issues themselves."""

    values: dict[str, Decimal]
    issues: tuple[Issue, ...]


def measure(report: bytes) -> Measures:
    """Measure a report; raises InvalidUpload where it is not one."""
    sources, coverage = _unpack(report)
    issues = tuple(issue for path, source in sorted(sources.items()) for issue in find_issues(path, source))
    values = {
        "files": Decimal(len(sources)),
        "ncloc": Decimal(sum(lines_of_code(source) for source in sources.values())),
        "violations": Decimal(len(issues)),
        **_by_kind(issues),
    }
    return Measures(values | ({"coverage": _covered(coverage)} if coverage else {}), issues)


@dataclass(frozen=True)
class Metadata:
    """What the scanner says of its report: the commit, and the properties that webhooks repeat."""

    revision: str | None
    properties: dict[str, str]


def read_metadata(report: bytes) -> Metadata:
    """Read it; a report without it says nothing."""
    try:
        told = json.loads(zipfile.ZipFile(io.BytesIO(report)).read("metadata.json"))
    except (zipfile.BadZipFile, KeyError, ValueError):
        return Metadata(None, {})
    return Metadata(told.get("revision"), told.get("properties", {}))


def _by_kind(issues: tuple[Issue, ...]) -> dict[str, Decimal]:
    found = Counter(issue.kind for issue in issues)
    return {key: Decimal(found[kind]) for kind, key in _MEASURE_OF_KIND.items()}


def _unpack(report: bytes) -> tuple[dict[str, str], bytes | None]:
    try:
        archive = zipfile.ZipFile(io.BytesIO(report))
        if sum(entry.file_size for entry in archive.infolist()) > _LARGEST_REPORT:
            raise InvalidUpload("The report is larger than 50 MB")
        names = archive.namelist()
        sources = {name: archive.read(name) for name in names if name.startswith("sources/") and name.endswith(".py")}
        coverage = archive.read("coverage.xml") if "coverage.xml" in names else None
    except zipfile.BadZipFile:
        raise InvalidUpload("The report is not a zip file") from None
    return {name.removeprefix("sources/"): raw.decode(errors="replace") for name, raw in sources.items()}, coverage


def lines_of_code(source: str) -> int:
    """Lines with more than white space and comments; those of a file that is no Python count whole."""
    lines: set[int] = set()
    try:
        for token in tokenize.generate_tokens(io.StringIO(source).readline):
            if token.type not in _SILENT_TOKENS:
                lines.update(range(token.start[0], token.end[0] + 1))
    except (tokenize.TokenError, SyntaxError):
        return sum(bool(line.strip()) for line in source.splitlines())
    return len(lines)


def find_issues(path: str, source: str) -> Iterator[Issue]:
    """What the rules say about one file; one that cannot be parsed is a bug."""
    for number, line in enumerate(source.splitlines(), 1):
        for tag, (rule, kind) in _TAGS.items():
            if re.search(rf"#.*\b{tag}\b", line):
                yield Issue(rule, kind, path, number, line.strip())
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError) as problem:
        yield Issue("python:ParsingError", "BUG", path, getattr(problem, "lineno", 1) or 1, str(problem))
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.ExceptHandler) and node.type is None:
            yield Issue("python:S5754", "CODE_SMELL", path, node.lineno, "except:")
        elif isinstance(node, ast.Assign) and (name := _hard_coded_secret(node)):
            yield Issue("python:S2068", "VULNERABILITY", path, node.lineno, name)


def _hard_coded_secret(node: ast.Assign) -> str | None:
    is_text = isinstance(node.value, ast.Constant) and isinstance(node.value.value, str) and node.value.value
    names = [target.id for target in node.targets if isinstance(target, ast.Name)]
    return next((name for name in names if is_text and _SECRET_NAME.search(name)), None)


def _covered(report: bytes) -> Decimal:
    """Per cent of the lines of a Cobertura report that ran, with one decimal."""
    try:
        lines = [line.attrib["hits"] for line in fromstring(report).iter("line")]
    except (ParseError, DefusedXmlException, KeyError, ValueError) as problem:
        raise InvalidUpload(f"coverage.xml is not a Cobertura report: {type(problem).__name__}") from None
    if not lines:
        return Decimal(100)
    percent = Decimal(100 * sum(hits != "0" for hits in lines)) / len(lines)
    return percent.quantize(Decimal("0.1"), ROUND_HALF_UP)

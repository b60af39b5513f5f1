"""What `go test -json` prints (https://pkg.go.dev/cmd/test2json): one event a line."""

from collections import defaultdict

from pydantic import ConfigDict, ValidationError
from pydantic.alias_generators import to_pascal

from tasks.domain.errors import InvalidReport
from tasks.domain.gates.finding import one_line
from tasks.domain.gates.measure import TestCount
from tasks.domain.reports.content import Part, read_text

_ENDS = {"pass", "fail", "skip"}
_OUTPUTS = {"output", "build-output"}
_NOISE = ("# ", "=== ", "--- ", "ok ", "FAIL", "PASS", "exit status", "coverage:")


class _Event(Part):
    model_config = ConfigDict(alias_generator=to_pascal)

    action: str
    package: str = ""
    test: str = ""
    output: str = ""
    import_path: str = ""
    failed_build: str = ""


def parse_go_test(report: bytes, expected: str) -> TestCount:
    """Every test and subtest by how it ended; a package that fails without one that did counts as an error.

    Raises InvalidReport, also where a package began and never ended; between two packages the report looks whole.
    """
    ends: dict[tuple[str, str], str] = {}
    said: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
    begun: set[str] = set()
    for number, line in enumerate(read_text(report, expected).splitlines(), start=1):
        event = _read(line, f"{expected}:{number}")
        key = (event.package, event.test)
        if event.action == "start":
            begun.add(event.package)
        elif event.action in _OUTPUTS and event.output.strip() and not event.output.lstrip().startswith(_NOISE):
            said[event.package or event.import_path, event.test].append(event.output)
        elif event.action in _ENDS and event.package:
            ends[key] = event.action
            said[key] += said.get((event.failed_build, ""), [])
    if cut := sorted(package for package in begun if (package, "") not in ends):
        raise InvalidReport(f"{expected} ends before {cut[0]} has; the command did not finish its report")
    return _count(ends, said)


def _read(line: str, place: str) -> _Event:
    try:
        return _Event.model_validate_json(line)
    except ValidationError:
        raise InvalidReport(f"{place} is not an event of go test -json; write what it prints") from None


def _count(ends: dict[tuple[str, str], str], said: dict[tuple[str, str], list[str]]) -> TestCount:
    tests = {key: how for key, how in ends.items() if key[1]}
    failed = [key for key, how in tests.items() if how == "fail"]
    with_failed = {package for package, _ in failed}
    broken = [key for key, how in ends.items() if how == "fail" and not key[1] and key[0] not in with_failed]
    return TestCount(
        passed=sum(how == "pass" for how in tests.values()),
        failed=len(failed),
        errors=len(broken),
        skipped=sum(how == "skip" for how in tests.values()),
        failures=tuple(_describe(key, said.get(key, [])) for key in (*failed, *broken)),
    )


def _describe(key: tuple[str, str], said: list[str]) -> str:
    name = ".".join(part for part in key if part)
    return f"{name}: {one_line(said[0])}"[:300] if said else name[:300]

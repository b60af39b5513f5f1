"""JUnit XML, as pytest, Surefire, Gradle, Jest and many others write it."""

from xml.etree.ElementTree import Element

from tasks.domain.gates.measure import TestCount
from tasks.domain.reports.content import name_of, named, read_xml

_FLAKY = {"flakyFailure", "flakyError"}


def parse_junit(report: bytes, expected: str) -> TestCount:
    """Count the cases of a JUnit XML report, in suites nested at will.

    `expected` is the file's path, for messages. Raises InvalidReport.
    """
    root = read_xml(report, expected, kind="JUnit XML", roots=("testsuites", "testsuite"))
    counts = {"passed": 0, "failed": 0, "errors": 0, "skipped": 0, "flaky": 0}
    failures: list[str] = []
    for case in named(root, "testcase"):
        children = {name_of(child): child for child in case}
        # A case can carry an error of its teardown beside its failure; it is still one case.
        problem = children.get("error", children.get("failure"))
        if problem is not None:
            counts["errors" if "error" in children else "failed"] += 1
            failures.append(_describe(case, problem))
        elif "skipped" in children:
            counts["skipped"] += 1
        else:
            counts["passed"] += 1
            counts["flaky"] += bool(_FLAKY & children.keys())
    return TestCount(**counts, failures=tuple(failures))


def _describe(case: Element, problem: Element) -> str:
    # Some runners, such as Jest's, write the same name twice.
    parts = dict.fromkeys(part for part in (case.get("classname"), case.get("name")) if part)
    name = ".".join(parts) or "a case without a name"
    text = (problem.get("message") or "").strip() or problem.text or ""
    first = next((line.strip() for line in text.splitlines() if line.strip()), "")
    return f"{name}: {first}"[:300] if first else name[:300]

"""A finding is the same one as long as its rule, its file and the text of its line are, wherever the line moves."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from tasks.domain.gates.baseline import Baseline, baseline_of, baseline_text, parse_baseline
from tasks.domain.gates.finding import Finding, Kind, Severity, with_fingerprints, worst_first
from tasks.domain.gates.measure import CoveredLines

LINES = st.lists(st.sampled_from(["a = 1", "b = 2", "  c()", "", "c()"]), max_size=12)
COMMIT = "a" * 40


def findings_in(lines: list[str], file: str = "a.py") -> tuple[Finding, ...]:
    """A tool that dislikes every line that is not empty."""
    found = [Finding("t", "R1", Severity.HIGH, "no", file, n) for n, line in enumerate(lines, start=1) if line]
    return with_fingerprints(found, lambda _file, line: lines[line - 1])


def fingerprints(lines: list[str]) -> list[str]:
    return [one.fingerprint for one in findings_in(lines)]


@given(LINES)
def test_empty_lines_between_and_spaces_change_no_fingerprint(lines: list[str]) -> None:
    moved = ["", ""] + [part for line in lines for part in (f"\t{line}  " if line else "", "")]
    assert set(fingerprints(moved)) == set(fingerprints(lines))


@given(LINES)
def test_no_two_findings_of_a_file_share_a_fingerprint(lines: list[str]) -> None:
    assert len(set(fingerprints(lines))) == len(fingerprints(lines))


@given(LINES, st.sampled_from(["a = 1", "new()"]), st.integers(0, 12))
def test_one_more_line_is_one_more_finding(lines: list[str], added: str, at: int) -> None:
    more = [*lines[:at], added, *lines[at:]]
    assert len(set(fingerprints(more)) - set(fingerprints(lines))) == 1


def test_another_file_rule_or_tool_is_another_finding() -> None:
    same = Finding("t", "R1", Severity.HIGH, "no", "a.py", 1)
    others = [same, replace(same, file="b.py"), replace(same, rule="R2"), replace(same, tool="u")]
    assert len({one.fingerprint for one in with_fingerprints(others, lambda _file, _line: "x")}) == 4


def test_what_the_report_knows_it_by_is_worth_more_than_the_line() -> None:
    one = Finding("t", "R1", Severity.HIGH, "no", "a.py", 1, identity="own")
    [before] = with_fingerprints([one], lambda _file, _line: "x")
    [after] = with_fingerprints([replace(one, line=9)], lambda _file, _line: "y")
    assert before.fingerprint == after.fingerprint


def test_another_version_of_a_package_has_the_same_vulnerability() -> None:
    one = Finding("t", "CVE-1", Severity.HIGH, "no", kind=Kind.VULNERABILITY, package="a 1.0", identity="a")
    other = replace(one, package="a 1.1", severity=Severity.LOW)
    assert (
        len(
            {each.fingerprint for each in with_fingerprints([one], lambda _file, _line: "")}
            | {each.fingerprint for each in with_fingerprints([other], lambda _file, _line: "")}
        )
        == 1
    )


def test_unknown_severity_reaches_every_minimum() -> None:
    assert [one for one in Severity if one.reaches(Severity.HIGH)] == [
        Severity.UNKNOWN,
        Severity.HIGH,
        Severity.CRITICAL,
    ]


def test_the_worst_comes_first_and_then_the_place() -> None:
    names = [("low", "a.py"), ("critical", "b.py"), ("unknown", "a.py"), ("critical", "a.py"), ("high", "z.py")]
    found = [Finding("t", "R", Severity(severity), "no", file, 1) for severity, file in names]
    assert [f"{one.severity} {one.file}" for one in worst_first(found)] == [
        "critical a.py",
        "critical b.py",
        "high z.py",
        "unknown a.py",
        "low a.py",
    ]


def test_a_baseline_is_read_as_it_was_written() -> None:
    baseline = baseline_of(COMMIT, findings_in(["a", "b"]))
    assert parse_baseline(baseline_text(baseline), COMMIT) == baseline
    measured = replace(baseline, coverage=CoveredLines(9, 10))
    assert parse_baseline(baseline_text(measured), COMMIT) == measured
    assert all(baseline.knows(one) for one in findings_in(["a", "b"]))


def test_what_is_no_baseline_of_the_commit_is_none() -> None:
    text = baseline_text(Baseline(COMMIT, frozenset({"x"})))
    for broken in ("", "{}", "[]", text[: len(text) // 2], text.replace('"version": 1', '"version": 2')):
        assert parse_baseline(broken, COMMIT) is None
    assert parse_baseline(text, "b" * 40) is None

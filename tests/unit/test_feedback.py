"""What people read on GitHub: within its limits, at the right lines, and never somebody else's markup."""

from datetime import date

import pytest

from tasks.domain.feedback.annotation import Annotation, Level, annotations_of
from tasks.domain.feedback.check import CHECK_AGAIN, OK_TO_TEST, aggregate_report, gate_report
from tasks.domain.feedback.origin import Origin, parse_origin
from tasks.domain.feedback.text import cut_lines, quiet
from tasks.domain.gates.finding import Finding, Severity
from tasks.domain.gates.gate import GateResult
from tasks.domain.gates.measure import LineRange
from tasks.domain.gates.waiver import Waiver, WaiverUse
from tasks.domain.verdict import failed, passed


def finding(severity: Severity = Severity.HIGH, **more: object) -> Finding:
    return Finding("ruff", "S608", severity, "SQL built from text", **{"file": "shop/db.py", "line": 7} | more)  # type: ignore[arg-type]


def annotated(*found: Finding) -> tuple[Annotation, ...]:
    return annotations_of(GateResult("findings", failed("No."), found))


def test_a_finding_becomes_an_annotation_at_its_line() -> None:
    assert annotated(finding(package="acme 1.2")) == (
        Annotation("shop/db.py", 7, Level.FAILURE, "high: S608 in acme 1.2 (ruff)", "SQL built from text"),
    )


@pytest.mark.parametrize(
    ("severity", "level"),
    [("critical", "failure"), ("high", "failure"), ("medium", "warning"), ("unknown", "warning"), ("low", "notice")],
)
def test_how_bad_it_is_decides_how_it_looks(severity: str, level: str) -> None:
    [annotation] = annotated(finding(Severity(severity)))
    assert annotation.level == level


@pytest.mark.parametrize("file", ["", "/etc/passwd", "../other/x.py", "a/../../x.py"])
def test_what_has_no_place_in_the_repository_is_no_annotation(file: str) -> None:
    assert annotated(finding(file=file)) == ()


def test_a_finding_about_a_whole_file_stands_at_its_beginning() -> None:
    [annotation] = annotated(finding(file="./Dockerfile", line=0))
    assert (annotation.path, annotation.line) == ("Dockerfile", 1)


def test_annotations_are_no_more_and_no_longer_than_github_takes() -> None:
    many = annotated(*(finding(line=number, package="p" * 400) for number in range(1, 3000)))
    assert len(many) == 1000
    assert len(many[0].title) == 255
    assert len(annotated(Finding("x", "r", Severity.LOW, "m" * 70_000, file="f"))[0].message) == 4000


def test_a_summary_never_passes_the_limit_and_says_what_is_missing() -> None:
    gates = [GateResult(f"gate-{number}", failed("x" * 290)) for number in range(400)]
    summary = aggregate_report(failed("400 of 400 gates failed."), gates).summary
    assert len(summary) <= 65_535
    assert summary.endswith("more lines are in the flow run.")
    assert cut_lines(["a", "b"]) == "a\nb"


def test_text_of_others_notifies_nobody_and_is_no_markup() -> None:
    assert quiet("@acme/all <img src=x> [a](http://x) | `b`") == (
        "@\u200bacme/all &lt;img src=x&gt; \\[a\\](http://x%29 \\| \\`b\\`"
    )
    gate = GateResult("findings", failed("Ask @dana | or me"), (finding(package="@scope/x"),))
    assert "@dana" not in gate_report(gate).summary
    assert "@scope" not in gate_report(gate).summary
    assert "| ✗ failed | Ask @\u200bdana \\| or me |" in aggregate_report(failed("No."), [gate]).summary


@pytest.mark.parametrize("button", [CHECK_AGAIN, OK_TO_TEST])
def test_buttons_are_as_short_as_github_wants_them(button: object) -> None:
    body = button.body  # type: ignore[attr-defined]
    assert len(body["identifier"]) <= 20
    assert len(body["label"]) <= 20
    assert len(body["description"]) <= 40


@pytest.mark.parametrize("origin", [Origin("shop-api", 7, "0a1b"), Origin("shop.api-2", None, "0a1b-2c")])
def test_an_origin_is_read_back_as_it_was_written(origin: Origin) -> None:
    assert parse_origin(str(origin)) == origin


@pytest.mark.parametrize("text", ["", "shop-api", "shop-api#0@1", "Shop@1", "a b@1", "shop-api#7@run", "shop-api@1\n"])
def test_what_is_no_origin_is_none(text: str) -> None:
    assert parse_origin(text) is None


def test_the_name_of_the_aggregate_never_changes() -> None:
    assert {aggregate_report(verdict).name for verdict in (passed("Yes."), failed("No."))} == {"tidegate"}


def test_changed_lines_that_no_test_runs_are_warnings_where_they_are() -> None:
    uncovered = (LineRange("shop/db.py", 7, 7), LineRange("shop/db.py", 9, 12), LineRange("/outside", 1, 1))
    report = gate_report(GateResult("changed-lines", passed("Enough."), uncovered=uncovered))
    assert [one.body for one in report.annotations] == [
        {
            "path": "shop/db.py",
            "start_line": first,
            "end_line": last,
            "annotation_level": "warning",
            "title": title,
            "message": "The change adds what no test runs; add one that does.",
        }
        for first, last, title in [(7, 7, "No test runs this line"), (9, 12, "No test runs these 4 lines")]
    ]
    assert "**6 changed lines** that no test runs" in report.summary


def test_a_waiver_that_ends_within_a_week_is_a_warning_at_what_it_excuses() -> None:
    waiver = Waiver(rule="S608", owner="Pat", reason="only in tests", expires=date(2031, 5, 18))
    use = WaiverUse(finding(), waiver)
    report = gate_report(GateResult("findings", passed("No finding."), waived=(use,), ending=(use,)))
    [annotation] = report.annotations
    assert (annotation.level, annotation.line) == ("warning", 7)
    assert annotation.title == "The waiver of S608 ends on 2031-05-18"
    assert annotation.message.startswith("Pat has waived it: only in tests. From the next day on it counts")
    assert "**Waivers that end within a week**" in report.summary

"""What people read on GitHub: within its limits, at the right lines, and never somebody else's markup."""

import pytest

from tasks.domain.feedback.annotation import Annotation, Level, annotations_of
from tasks.domain.feedback.check import CHECK_AGAIN, OK_TO_TEST, aggregate_report, gate_report
from tasks.domain.feedback.origin import Origin, parse_origin
from tasks.domain.feedback.text import cut_lines, quiet
from tasks.domain.gates.finding import Finding, Severity
from tasks.domain.gates.gate import GateResult
from tasks.domain.verdict import failed, passed


def finding(severity: Severity = Severity.HIGH, **more: object) -> Finding:
    return Finding("ruff", "S608", severity, "SQL built from text", **{"file": "shop/db.py", "line": 7} | more)  # type: ignore[arg-type]


def test_a_finding_becomes_an_annotation_at_its_line() -> None:
    assert annotations_of([finding(package="acme 1.2")]) == (
        Annotation("shop/db.py", 7, Level.FAILURE, "high: S608 in acme 1.2 (ruff)", "SQL built from text"),
    )


@pytest.mark.parametrize(
    ("severity", "level"),
    [("critical", "failure"), ("high", "failure"), ("medium", "warning"), ("unknown", "warning"), ("low", "notice")],
)
def test_how_bad_it_is_decides_how_it_looks(severity: str, level: str) -> None:
    [annotation] = annotations_of([finding(Severity(severity))])
    assert annotation.level == level


@pytest.mark.parametrize("file", ["", "/etc/passwd", "../other/x.py", "a/../../x.py"])
def test_what_has_no_place_in_the_repository_is_no_annotation(file: str) -> None:
    assert annotations_of([finding(file=file)]) == ()


def test_a_finding_about_a_whole_file_stands_at_its_beginning() -> None:
    [annotation] = annotations_of([finding(file="./Dockerfile", line=0)])
    assert (annotation.path, annotation.line) == ("Dockerfile", 1)


def test_annotations_are_no_more_and_no_longer_than_github_takes() -> None:
    many = annotations_of([finding(line=number, package="p" * 400) for number in range(1, 3000)])
    assert len(many) == 1000
    assert len(many[0].title) == 255
    assert len(annotations_of([Finding("x", "r", Severity.LOW, "m" * 70_000, file="f")])[0].message) == 4000


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

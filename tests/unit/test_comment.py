"""The comment below a pull request says what was decided, how coverage changed, and where each finding is."""

from datetime import date

from tasks.domain.feedback.comment import CheckedCommit, gates_comment, waiting_comment
from tasks.domain.gates.finding import Finding, Severity
from tasks.domain.gates.gate import GateResult
from tasks.domain.gates.measure import CoveredLines
from tasks.domain.gates.waiver import Waiver, WaiverUse
from tasks.domain.verdict import failed, passed

COMMIT, BASE = "a" * 40, "b" * 40
FINDING = Finding("ruff", "S608", Severity.HIGH, "SQL built | from text by @dana", file="shop/a b.py", line=7)
WAIVER = Waiver(rule="S608", owner="Pat", reason="only in tests", expires=date(2027, 1, 31))


def comment(*gates: GateResult, base: CoveredLines | None = None) -> str:
    return gates_comment(
        CheckedCommit(
            application="shop-api",
            commit=COMMIT,
            gates=gates,
            verdict=failed("1 of 2 gates failed: findings."),
            run_url="http://127.0.0.1/runs/1",
            files_url=f"http://127.0.0.1/acme/shop-api/blob/{COMMIT}",
            base=BASE if base else None,
            base_coverage=base,
        )
    )


def coverage(covered: int) -> GateResult:
    return GateResult("coverage", passed("Enough."), coverage=CoveredLines(covered, 200))


def test_it_begins_with_its_mark_and_says_what_every_gate_said() -> None:
    lines = comment(GateResult("lint", passed("Fine.")), GateResult("findings", failed("1 new finding."))).split("\n")
    assert lines[0] == "<!-- tidegate: shop-api -->"
    assert lines[1] == "### ✗ shop-api: 1 of 2 gates failed: findings."
    assert f"Commit {COMMIT}, checked in [this run](http://127.0.0.1/runs/1)." in lines
    assert "| lint | ✓ passed | Fine. |" in lines
    assert "| findings | ✗ failed | 1 new finding. |" in lines


def test_coverage_is_compared_with_the_base() -> None:
    assert "**Coverage:** 95.00 % of lines (+2.50 points against 92.50 % in bbbbbbb)" in comment(
        coverage(190), base=CoveredLines(185, 200)
    )
    assert "(-2.50 points against 97.50 % in bbbbbbb)" in comment(coverage(190), base=CoveredLines(195, 200))
    assert "(no change against 95.00 % in bbbbbbb)" in comment(coverage(190), base=CoveredLines(190, 200))


def test_without_a_base_or_a_measure_nothing_is_claimed() -> None:
    changed = GateResult("changed-lines", passed("Enough."), coverage=CoveredLines(3, 4))
    assert "**Coverage:** 95.00 % of lines, 75.00 % of changed lines" in comment(coverage(190), changed)
    assert "Coverage" not in comment(GateResult("lint", passed("Fine.")))


def test_a_finding_links_to_its_line_and_its_text_is_no_markup() -> None:
    text = comment(GateResult("findings", failed("1 new finding."), (FINDING,)))
    link = f"http://127.0.0.1/acme/shop-api/blob/{COMMIT}/shop/a%20b.py#L7"
    assert f"- high S608 at [shop/a b.py:7]({link}): SQL built \\| from text by @\u200bdana" in text
    assert "<details><summary>1 finding</summary>" in text


def test_a_waiver_that_was_used_is_shown() -> None:
    text = comment(GateResult("findings", passed("None."), waived=(WaiverUse(FINDING, WAIVER),)))
    assert "<summary>1 finding waived</summary>" in text
    assert "(until 2027-01-31, Pat: only in tests)" in text


def test_a_waiver_that_soon_ends_is_a_warning_and_told_once() -> None:
    use = WaiverUse(FINDING, WAIVER)
    text = comment(GateResult("findings", passed("No finding."), waived=(use, use), ending=(use, use)))
    assert text.count("> ⚠ Pat's waiver of S608 ends on 2027-01-31: only in tests") == 1


def test_ten_thousand_findings_still_fit() -> None:
    text = comment(*(GateResult(f"gate-{n}", failed("x" * 2000), (FINDING,) * 100) for n in range(300)))
    assert len(text) <= 65_535


def test_who_waits_is_told_what_a_maintainer_has_to_say() -> None:
    text = waiting_comment("shop-api", COMMIT, "stranger")
    assert text.startswith("<!-- tidegate: shop-api -->\n")
    assert f"/ok-to-test {COMMIT}" in text

"""The gates of coverage: of all lines, and of those that changed. Lines count, branches do not."""

from decimal import Decimal

from tasks.domain.gates.changed_lines import ChangedLines
from tasks.domain.gates.gate import CHANGED_LINES, COVERAGE, GateResult
from tasks.domain.gates.measure import Coverage
from tasks.domain.verdict import failed, passed


def decide_coverage(minimum: Decimal, coverage: Coverage | None, changed: ChangedLines | None = None) -> GateResult:
    """Whether enough of all measured lines ran; coverage that is not known has failed.

    With `changed` the result names the changed lines that did not run, where no gate of their own does.
    """
    if coverage is None:
        return _unknown(COVERAGE)
    lines = coverage.lines
    part = coverage.only(changed) if changed is not None else None
    sentence = f"{lines.percent} % of lines are covered ({lines.covered} of {lines.valid})"
    if lines.reaches(minimum):
        verdict = passed(f"{sentence}, at least {minimum} % are asked for.")
    else:
        verdict = failed(f"{sentence}, but at least {minimum} % are asked for; add tests.")
    return GateResult(COVERAGE, verdict, coverage=lines, uncovered=part.missed if part else ())


def decide_changed_lines(minimum: Decimal, coverage: Coverage | None, changed: ChangedLines | None) -> GateResult:
    """Whether enough of the changed lines that were measured ran; a change without any has passed."""
    if coverage is None:
        return _unknown(CHANGED_LINES)
    if changed is None:
        return GateResult(CHANGED_LINES, failed("What changed is not known; look at the flow run's log."))
    part = coverage.only(changed)
    if part is None:
        return GateResult(CHANGED_LINES, passed("No changed line is among those that coverage is measured of."))
    lines, missed = part.lines, part.missed
    sentence = f"{lines.percent} % of changed lines are covered ({lines.covered} of {lines.valid})"
    if lines.reaches(minimum):
        verdict = passed(f"{sentence}, at least {minimum} % are asked for.")
    else:
        first = f"{missed[0].file}:{missed[0].first}"
        verdict = failed(f"{sentence}, but at least {minimum} % are asked for; add a test for {first}.")
    return GateResult(CHANGED_LINES, verdict, coverage=lines, uncovered=missed)


def _unknown(gate: str) -> GateResult:
    sentence = "Coverage is not known: every check with a coverage report must write it; look at the checks' gates."
    return GateResult(gate, failed(sentence))

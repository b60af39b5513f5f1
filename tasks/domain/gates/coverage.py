"""The gates of coverage: of all lines, and of those that changed. Lines count, branches do not."""

from decimal import Decimal

from tasks.domain.gates.changed_lines import ChangedLines
from tasks.domain.gates.gate import CHANGED_LINES, COVERAGE, GateResult
from tasks.domain.gates.measure import Coverage
from tasks.domain.verdict import failed, passed


def decide_coverage(minimum: Decimal, coverage: Coverage | None) -> GateResult:
    """Whether enough of all measured lines ran; coverage that is not known has failed."""
    if coverage is None:
        return _unknown(COVERAGE)
    lines = coverage.lines
    sentence = f"{lines.percent} % of lines are covered ({lines.covered} of {lines.valid})"
    if lines.reaches(minimum):
        return GateResult(COVERAGE, passed(f"{sentence}, at least {minimum} % are asked for."), coverage=lines)
    return GateResult(
        COVERAGE, failed(f"{sentence}, but at least {minimum} % are asked for; add tests."), coverage=lines
    )


def decide_changed_lines(minimum: Decimal, coverage: Coverage | None, changed: ChangedLines | None) -> GateResult:
    """Whether enough of the changed lines that were measured ran; a change without any has passed."""
    if coverage is None:
        return _unknown(CHANGED_LINES)
    if changed is None:
        return GateResult(CHANGED_LINES, failed("What changed is not known; look at the flow run's log."))
    part = coverage.only(changed)
    if part is None:
        return GateResult(CHANGED_LINES, passed("No changed line is among those that coverage is measured of."))
    lines = part.lines
    sentence = f"{lines.percent} % of changed lines are covered ({lines.covered} of {lines.valid})"
    if lines.reaches(minimum):
        return GateResult(CHANGED_LINES, passed(f"{sentence}, at least {minimum} % are asked for."), coverage=lines)
    first = min((file.file, min(file.missed)) for file in part.files if file.missed)
    return GateResult(
        CHANGED_LINES,
        failed(f"{sentence}, but at least {minimum} % are asked for; add a test for {first[0]}:{first[1]}."),
        coverage=lines,
    )


def _unknown(gate: str) -> GateResult:
    sentence = "Coverage is not known: every check with a coverage report must write it; look at the checks' gates."
    return GateResult(gate, failed(sentence))

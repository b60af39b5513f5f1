"""Decides every gate of a commit: from what its checks reported, the policy, the waivers and what was there before."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date

from tasks.domain.delivery.application import Application, asks_for_scan
from tasks.domain.errors import ConfigurationError
from tasks.domain.gates.baseline import Baseline
from tasks.domain.gates.changed_lines import ChangedLines
from tasks.domain.gates.check import COVERAGE_FORMATS, FINDING_FORMATS, VULNERABILITY_FORMATS
from tasks.domain.gates.checks import CheckOutcome, decide_check
from tasks.domain.gates.coverage import decide_changed_lines, decide_coverage
from tasks.domain.gates.finding import Finding, Kind
from tasks.domain.gates.findings import decide_findings, decide_vulnerabilities
from tasks.domain.gates.gate import CHANGED_LINES, COVERAGE, FINDINGS, IMAGE_SCAN, RESERVED, VULNERABILITIES, GateResult
from tasks.domain.gates.measure import Coverage, join_coverage
from tasks.domain.gates.waiver import Waiver, sift
from tasks.domain.verdict import failed

_FORMATS = {COVERAGE: COVERAGE_FORMATS, FINDINGS: FINDING_FORMATS, VULNERABILITIES: VULNERABILITY_FORMATS}


@dataclass(frozen=True, slots=True)
class GateFacts:
    """What gates are decided on besides the checks' outcomes.

    `waivers` are those for the application; `baseline` and `changed` are None where nothing is known. `of_image` is
    what speaks against the image before it is built; it counts where the application has a gate for findings.
    """

    today: date
    waivers: tuple[Waiver, ...] = ()
    baseline: Baseline | None = None
    changed: ChangedLines | None = None
    of_image: tuple[Finding, ...] = ()


def decide_gates(
    application: Application, outcomes: tuple[CheckOutcome, ...], facts: GateFacts
) -> tuple[GateResult, ...]:
    """A gate for each configured check, and for coverage, findings and vulnerabilities where a check reports them.

    A check without outcome has failed. Raises ConfigurationError where a check takes the name of another gate.
    """
    reserved = RESERVED | {IMAGE_SCAN} if asks_for_scan(application) else RESERVED
    if clash := sorted(reserved & application.checks.keys()):
        raise ConfigurationError(f"check {clash[0]!r} has the name of another gate; give the check another name")
    by_name = {outcome.check: outcome for outcome in outcomes if outcome.check in application.checks}
    checks = (GateResult(name, decide_check(check, by_name.get(name))) for name, check in application.checks.items())
    return (*checks, *_coverage_gates(application, by_name, facts), *_finding_gates(application, by_name, facts))


def is_decided(application: Application, gate: str) -> bool:
    """Whether the application has this gate: a check reports to it, or the policy speaks of it."""
    if gate == CHANGED_LINES:
        return application.gates.coverage.changed_lines is not None and is_decided(application, COVERAGE)
    return application.gates.asks_for(gate) or bool(_reporting(application, _FORMATS[gate]))


def _reporting(application: Application, formats: Iterable[str]) -> list[str]:
    return [name for name, check in application.checks.items() if check.reports.has_any(formats)]


def _coverage_gates(
    application: Application, by_name: Mapping[str, CheckOutcome], facts: GateFacts
) -> Iterator[GateResult]:
    if is_decided(application, COVERAGE):
        policy, coverage = application.gates.coverage, _whole_coverage(application, by_name)
        if policy.changed_lines is None:
            yield decide_coverage(policy.minimum, coverage, facts.changed)
        else:
            yield decide_coverage(policy.minimum, coverage)
            yield decide_changed_lines(policy.changed_lines, coverage, facts.changed)


def _whole_coverage(application: Application, by_name: Mapping[str, CheckOutcome]) -> Coverage | None:
    """That of all checks that report it; None where one of them did not."""
    reporting = _reporting(application, COVERAGE_FORMATS)
    measured = [one.coverage for name in reporting if (one := by_name.get(name)) and one.coverage]
    return join_coverage(measured) if measured and len(measured) == len(reporting) else None


def _finding_gates(
    application: Application, by_name: Mapping[str, CheckOutcome], facts: GateFacts
) -> Iterator[GateResult]:
    found = [one for outcome in by_name.values() for one in outcome.findings or ()]
    in_code = [one for one in found if one.kind is not Kind.VULNERABILITY]
    vulnerable = [one for one in found if one.kind is Kind.VULNERABILITY]
    if in_code or is_decided(application, FINDINGS):
        in_code += facts.of_image
        sifted = sift(in_code, facts.waivers, facts.today)
        yield _unknown(application, by_name, FINDINGS) or decide_findings(
            application.gates.findings, sifted, facts.baseline
        )
    if vulnerable or is_decided(application, VULNERABILITIES):
        sifted = sift(vulnerable, facts.waivers, facts.today)
        yield _unknown(application, by_name, VULNERABILITIES) or decide_vulnerabilities(
            application.gates.vulnerabilities, sifted
        )


def _unknown(application: Application, by_name: Mapping[str, CheckOutcome], gate: str) -> GateResult | None:
    """The gate's failure where not every report that it is decided on is there."""
    # Scanners of dependencies write SARIF too.
    reporting = _reporting(application, {*_FORMATS[gate], "sarif"})
    if not reporting:
        return GateResult(gate, failed(f"No check reports {gate}; name the report of one, or remove the gate."))
    for name in reporting:
        if (outcome := by_name.get(name)) is None or outcome.findings is None or outcome.report_problem:
            return GateResult(gate, failed(f"Not known: check {name!r} did not bring its report; look at its gate."))
    return None

"""Quality gates: named decisions about a commit on which an image depends; tasks.domain.gates.engine makes them."""

from dataclasses import dataclass

from tasks.domain.gates.finding import Finding
from tasks.domain.gates.measure import CoveredLines, LineRange
from tasks.domain.gates.waiver import WaiverUse
from tasks.domain.verdict import Outcome, Verdict, failed, passed, pending
from tasks.domain.wording import counted

AGGREGATE = "tidegate"
COVERAGE = "coverage"
CHANGED_LINES = "changed-lines"
FINDINGS = "findings"
VULNERABILITIES = "vulnerabilities"
TOOLCHAIN = "toolchain"
# Only where the registry's scan of the image is awaited.
IMAGE_SCAN = "image-scan"
# What no check may be called.
RESERVED = frozenset({AGGREGATE, COVERAGE, CHANGED_LINES, FINDINGS, VULNERABILITIES, TOOLCHAIN})


@dataclass(frozen=True, slots=True)
class GateResult:
    """What one gate said about one commit; `findings` are those that counted, worst first, and `waived` the others.

    `coverage` is what a gate of coverage measured, and `uncovered` the changed lines that no test ran. `ending` are
    those uses of a waiver among `waived` that will soon be none.
    """

    gate: str
    verdict: Verdict
    findings: tuple[Finding, ...] = ()
    waived: tuple[WaiverUse, ...] = ()
    coverage: CoveredLines | None = None
    uncovered: tuple[LineRange, ...] = ()
    ending: tuple[WaiverUse, ...] = ()


def decide_all(gates: tuple[GateResult, ...]) -> Verdict:
    """The aggregate: passed only where there are gates and every one has passed."""
    if not gates:
        return failed("No gate was decided; configure at least one check.")
    bad = [gate.gate for gate in gates if gate.verdict.has_failed]
    if bad:
        return failed(f"{len(bad)} of {counted(len(gates), 'gate')} failed: {', '.join(bad)}.")
    if waiting := [gate.gate for gate in gates if gate.verdict.outcome is Outcome.PENDING]:
        return pending(f"Waiting for {', '.join(waiting)}.")
    return passed(f"All {counted(len(gates), 'gate')} passed." if len(gates) > 1 else f"Gate {gates[0].gate} passed.")

"""What was found in an earlier commit of the mainline: the findings of later ones are compared with it."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from tasks.domain.errors import InvalidReport
from tasks.domain.gates.finding import Finding
from tasks.domain.gates.gate import COVERAGE, FINDINGS, GateResult
from tasks.domain.gates.measure import CoveredLines

_VERSION = 1


@dataclass(frozen=True, slots=True)
class Baseline:
    """The fingerprints of what counted in a commit; what was only waived there is new once its waiver has expired.

    `coverage` is that of all its lines, None where it was not measured.
    """

    commit: str
    fingerprints: frozenset[str]
    coverage: CoveredLines | None = None

    def knows(self, finding: Finding) -> bool:
        """Whether the commit had this finding already."""
        return finding.fingerprint in self.fingerprints


def baseline_of(commit: str, findings: Iterable[Finding], coverage: CoveredLines | None = None) -> Baseline:
    """The baseline that a commit is for those after it; `findings` are those that count."""
    return Baseline(commit, frozenset(finding.fingerprint for finding in findings), coverage)


def baseline_in(gates: Iterable[GateResult], commit: str) -> Baseline | None:
    """What the gates of a commit that passed leave for those after it; None where none looked at findings or lines."""
    by_name = {gate.gate: gate for gate in gates}
    if not by_name.keys() & {FINDINGS, COVERAGE}:
        return None
    findings = by_name[FINDINGS].findings if FINDINGS in by_name else ()
    coverage = by_name[COVERAGE].coverage if COVERAGE in by_name else None
    return baseline_of(commit, findings, coverage)


def baseline_text(baseline: Baseline) -> str:
    """The baseline as a file keeps it."""
    return json.dumps(baseline_content(baseline), indent=1) + "\n"


def baseline_content(baseline: Baseline) -> dict[str, object]:
    """The baseline as JSON."""
    content: dict[str, object] = {
        "version": _VERSION,
        "commit": baseline.commit,
        "fingerprints": sorted(baseline.fingerprints),
    }
    if baseline.coverage:
        content["coverage"] = [baseline.coverage.covered, baseline.coverage.valid]
    return content


def parse_baseline(text: str, commit: str) -> Baseline | None:
    """The commit's baseline; None where the text is not one, which is as good as none at all."""
    try:
        return read_baseline(json.loads(text), commit)
    except (ValueError, RecursionError):
        return None


def read_baseline(content: Any, commit: str) -> Baseline | None:
    """The commit's baseline from its JSON; None where that is not one."""
    try:
        if content["version"] == _VERSION and content["commit"] == commit:
            coverage = CoveredLines(*map(int, content["coverage"])) if "coverage" in content else None
            return Baseline(commit, frozenset(str(one) for one in content["fingerprints"]), coverage)
    except (InvalidReport, ValueError, KeyError, TypeError):
        pass
    return None

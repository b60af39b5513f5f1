"""What was found in an earlier commit of the mainline: the findings of later ones are compared with it."""

import json
from collections.abc import Iterable
from dataclasses import dataclass

from tasks.domain.errors import InvalidReport
from tasks.domain.gates.finding import Finding
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


def baseline_text(baseline: Baseline) -> str:
    """The baseline as a file keeps it."""
    content: dict[str, object] = {
        "version": _VERSION,
        "commit": baseline.commit,
        "fingerprints": sorted(baseline.fingerprints),
    }
    if baseline.coverage:
        content["coverage"] = [baseline.coverage.covered, baseline.coverage.valid]
    return json.dumps(content, indent=1) + "\n"


def parse_baseline(text: str, commit: str) -> Baseline | None:
    """The commit's baseline; None where the text is not one, which is as good as none at all."""
    try:
        content = json.loads(text)
        if content["version"] == _VERSION and content["commit"] == commit:
            coverage = CoveredLines(*map(int, content["coverage"])) if "coverage" in content else None
            return Baseline(commit, frozenset(str(one) for one in content["fingerprints"]), coverage)
    except (InvalidReport, ValueError, KeyError, TypeError, RecursionError):
        pass
    return None

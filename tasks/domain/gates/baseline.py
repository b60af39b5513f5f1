"""What was found in an earlier commit of the mainline: the findings of later ones are compared with it."""

import json
from collections.abc import Iterable
from dataclasses import dataclass

from tasks.domain.gates.finding import Finding

_VERSION = 1


@dataclass(frozen=True, slots=True)
class Baseline:
    """The fingerprints of what counted in a commit; what was only waived there is new once its waiver has expired."""

    commit: str
    fingerprints: frozenset[str]

    def knows(self, finding: Finding) -> bool:
        """Whether the commit had this finding already."""
        return finding.fingerprint in self.fingerprints


def baseline_of(commit: str, findings: Iterable[Finding]) -> Baseline:
    """The baseline that a commit is for those after it; `findings` are those that count."""
    return Baseline(commit, frozenset(finding.fingerprint for finding in findings))


def baseline_text(baseline: Baseline) -> str:
    """The baseline as a file keeps it."""
    content = {"version": _VERSION, "commit": baseline.commit, "fingerprints": sorted(baseline.fingerprints)}
    return json.dumps(content, indent=1) + "\n"


def parse_baseline(text: str, commit: str) -> Baseline | None:
    """The commit's baseline; None where the text is not one, which is as good as none at all."""
    try:
        content = json.loads(text)
        if content["version"] == _VERSION and content["commit"] == commit:
            return Baseline(commit, frozenset(str(one) for one in content["fingerprints"]))
    except (ValueError, KeyError, TypeError, RecursionError):
        pass
    return None

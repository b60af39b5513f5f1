"""Whether Argo CD would take a change now; asked before anything is written."""

from dataclasses import dataclass

from tasks.domain.rollout.facts import ApplicationStatus
from tasks.domain.verdict import Verdict, failed, passed


@dataclass(frozen=True, slots=True)
class Readiness:
    """How the application is before the change, and the verdict on changing it now."""

    status: ApplicationStatus
    verdict: Verdict


def decide_readiness(application: str, status: ApplicationStatus) -> Verdict:
    """Failed where the change would lie in git and reach nothing; a sync window that is closed is only waited for."""
    if status.skips_reconciliation:
        return failed(
            f"Argo CD does not reconcile {application}: it has the annotation argocd.argoproj.io/skip-reconcile; "
            "remove that first"
        )
    return passed(f"Argo CD would apply a change of {application} now")

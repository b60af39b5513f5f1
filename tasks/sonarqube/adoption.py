"""An analysis of a commit that SonarQube has already: what an earlier run has scanned is not scanned again."""

from collections.abc import Collection
from dataclasses import dataclass

import httpx
from prefect import get_run_logger

from blocks.sonarqube import SonarQubeServer
from tasks.domain.errors import DeliveryError
from tasks.domain.gates.sonarqube import find_revision, queued_tasks
from tasks.domain.verdict import Verdict
from tasks.retry import outside_task
from tasks.sonarqube.api import ask
from tasks.sonarqube.gate import Patience, read_gate, wait_until_computed


@dataclass(frozen=True, slots=True)
class Adopted:
    """An analysis that passed its quality gate, by its id in SonarQube."""

    analysis: str
    verdict: Verdict


@outside_task("find an analysis of {commit} in {project}")
def find_passed_analysis(
    server: SonarQubeServer,
    project: str,
    commit: str,
    *,
    accept: Collection[str] = ("OK",),
    patience: Patience | None = None,
) -> Adopted | None:
    """The newest analysis of the commit in the project's main branch, if its quality gate passed.

    One that failed is not adopted: whoever starts the check again wants to have it looked at again. With `patience`,
    what is still being computed is waited for: an earlier run may have been killed right after its upload.
    Where SonarQube does not say, or not to this token (it needs Browse), nothing is found and the scan runs.
    """
    try:
        with server.get_client() as client:
            return _passed(client, project, commit, accept, patience)
    except (DeliveryError, httpx.HTTPError) as problem:
        get_run_logger().warning("Whether %s was analysed before is not known: %s", commit[:7], problem)
        return None


def _passed(
    client: httpx.Client, project: str, commit: str, accept: Collection[str], patience: Patience | None
) -> Adopted | None:
    found = _find(client, project, commit)
    if found is None and patience is not None:
        _wait_for_queue(client, project, patience)
        found = _find(client, project, commit)
    verdict = read_gate(client, found, accept) if found else None
    return Adopted(found, verdict) if found and verdict and verdict.has_passed else None


def _find(client: httpx.Client, project: str, commit: str) -> str | None:
    return find_revision(ask(client, "/project_analyses/search", {"project": project}, right="Browse"), commit)


def _wait_for_queue(client: httpx.Client, project: str, patience: Patience) -> None:
    for task in queued_tasks(ask(client, "/ce/component", {"component": project}, right="Browse")):
        wait_until_computed(client, task, patience)

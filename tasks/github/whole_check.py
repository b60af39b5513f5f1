"""The one check of a commit that branch protection can require, also where several applications share a repository."""

import time

import httpx

from blocks.github import GitHub
from tasks.domain.errors import DeliveryError
from tasks.domain.feedback.check import CheckReport, aggregate_report
from tasks.domain.feedback.names import CheckNames
from tasks.domain.feedback.origin import Origin
from tasks.domain.feedback.text import LONGEST_DESCRIPTION, cut
from tasks.domain.gates.gate import AGGREGATE, GateResult
from tasks.domain.verdict import Verdict
from tasks.github.checks import read_verdicts, report_checks, set_newest_check_run, set_status_of
from tasks.retry import outside_task

# So often, and each time half a second longer after it, this is written anew while others change it too.
_ROUNDS, _PAUSE_SECONDS = 8, 0.5


@outside_task("report the verdict on {commit}")
def report_aggregate(
    github: GitHub,
    repository: str,
    commit: str,
    report: CheckReport,
    names: CheckNames,
    origin: Origin,
    run_url: str,
    *,
    begins: bool = True,
) -> None:
    """Make the commit say what all gates of an application come to, and where it shares its repository, `tidegate`.

    That is what all applications of the repository come to; without `begins` it is only changed where it is there.
    Raises what report_checks raises, and DeliveryError where `tidegate` does not stay what it is.
    """
    report_checks.fn(github, repository, commit, (report,), origin, run_url, begins=begins)
    if names.sharing:
        _report_whole(github, repository, commit, names, origin, run_url, begins=begins)


def _report_whole(
    github: GitHub, repository: str, commit: str, names: CheckNames, origin: Origin, run_url: str, *, begins: bool
) -> None:
    """Runs of other applications do the same at the same time, so it is looked at again after it was written.

    Whoever wrote last has seen what was true last.
    """
    with github.get_client(repository) as client:
        for done in range(_ROUNDS):
            known = read_verdicts(github, client, repository, commit)
            whole = names.whole(known)
            if _says(known.get(AGGREGATE), whole) or (AGGREGATE not in known and not begins):
                return
            # What GitHub has just been told it may not show yet.
            time.sleep(_PAUSE_SECONDS * done)
            _write(github, client, repository, commit, _report(names, whole, known), origin, run_url)
    raise DeliveryError(f"'{AGGREGATE}' of {commit[:7]} does not stay what it is; find out who else reports it")


def _says(said: Verdict | None, whole: Verdict) -> bool:
    return said is not None and (said.outcome, said.reason) == (whole.outcome, cut(whole.reason, LONGEST_DESCRIPTION))


def _report(names: CheckNames, whole: Verdict, known: dict[str, Verdict]) -> CheckReport:
    rows = [GateResult(name, known[own]) for name in names.sharing if (own := names.aggregate_of(name)) in known]
    return aggregate_report(whole, rows)


def _write(
    github: GitHub,
    client: httpx.Client,
    repository: str,
    commit: str,
    report: CheckReport,
    origin: Origin,
    run_url: str,
) -> None:
    if github.app is None:
        set_status_of(github, client, repository, commit, report, run_url)
    else:
        set_newest_check_run(github, client, repository, commit, report, origin, run_url)

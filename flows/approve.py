"""Asks a person about one candidate for one environment until an answer counts; the second step of promote."""

from datetime import UTC, datetime, timedelta
from itertools import count

from prefect import get_run_logger
from prefect.runtime import flow_run

from flows.facts import changes_since, confirm_needs
from flows.place import Place
from tasks.approval import ask
from tasks.artifacts import report_page
from tasks.domain.approval.decision import Answer, Approval, AskAgain, Expired, Rejected, decide_approval
from tasks.domain.approval.question import Question, approval_page
from tasks.domain.candidate import ReleaseCandidate
from tasks.domain.delivery.approval import ApprovalPolicy
from tasks.domain.manifest.formats import set_image
from tasks.domain.promotion.change_set import ChangeSet
from tasks.gitops import read_desired_state

_HOW_TO_ANSWER = "Waiting for an approval until %s: open Resume at the top right (in the newer UI in the menu there)"


def ask_until_answered(
    place: Place, candidate: ReleaseCandidate, policy: ApprovalPolicy
) -> Approval | Rejected | Expired:
    """Pause, judge the answer under the policy, and ask again with the reason where it does not count."""
    changes = changes_since(place, candidate)
    expires = datetime.now(UTC) + timedelta(seconds=policy.expires_seconds)
    # A retry of the run counts as a new question; see tasks.approval.
    run_count = flow_run.run_count
    reason = ""
    for attempt in count(1):
        page = approval_page(_question(place, candidate, policy, changes, expires, reason))
        report_page(place.application, f"{place.environment}-approval", page, f"{candidate.name}: what was asked")
        get_run_logger().info(_HOW_TO_ANSWER, _time(expires))
        left = max(1, int((expires - datetime.now(UTC)).total_seconds()))
        answer = ask(page, key=f"approval-{run_count}-{attempt}", timeout_seconds=left)
        decision: Approval | Rejected | Expired | AskAgain
        if isinstance(answer, Answer):
            decision = decide_approval(policy, candidate, place.environment, answer, changes.authors)
        else:
            decision = answer
        if not isinstance(decision, AskAgain):
            return decision
        reason = decision.reason
        get_run_logger().warning("not counted: %s", reason)
    raise AssertionError("count() has no end")


def _question(
    place: Place,
    candidate: ReleaseCandidate,
    policy: ApprovalPolicy,
    changes: ChangeSet,
    expires: datetime,
    asked_again: str,
) -> Question:
    desired = read_desired_state(place.gitops, place.env.manifest)
    return Question(
        candidate=candidate,
        environment=place.environment,
        policy=policy,
        changes=changes,
        needs=confirm_needs(place, candidate),
        runs_now=desired.image,
        file=place.env.manifest.file,
        before=desired.text,
        after=set_image(desired.text, place.env.manifest, candidate.image, file=place.env.manifest.file),
        links=_links(place, candidate, changes),
        expires=_time(expires),
        asked_again=asked_again,
    )


def _time(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"


def _links(place: Place, candidate: ReleaseCandidate, changes: ChangeSet) -> dict[str, str]:
    repository = f"{place.github.web_url}/{place.app.repository}"
    links = {"The commit": f"{repository}/commit/{candidate.commit}"}
    if changes.base:
        links["All changes"] = f"{repository}/compare/{changes.base}...{changes.head}"
    for name in (*place.env.needs, place.environment):
        if url := place.sibling(name).env.url:
            links[f"Open {name}"] = url
    return links

"""Asks a person about one candidate for one environment until an answer counts; the second step of promote."""

from datetime import UTC, datetime, timedelta
from difflib import unified_diff
from itertools import count

from prefect import get_run_logger
from prefect.runtime import flow_run

from flows.facts import changes_since, confirm_needs
from flows.place import Place
from tasks.approval import ask
from tasks.domain.approval import Answer, Approval, AskAgain, Expired, Rejected, decide_approval
from tasks.domain.candidate import ReleaseCandidate
from tasks.domain.change_set import ChangeSet
from tasks.domain.delivery import ApprovalPolicy
from tasks.domain.manifest import set_image
from tasks.domain.message import Question, approval_page
from tasks.gitops import read_desired_state


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
        page = approval_page(_question(place, candidate, changes, expires, reason))
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
    place: Place, candidate: ReleaseCandidate, changes: ChangeSet, expires: datetime, asked_again: str
) -> Question:
    desired = read_desired_state(place.gitops, place.env.manifest)
    after = set_image(desired.text, place.env.manifest, candidate.image, file=place.env.manifest.file)
    diff = unified_diff(
        desired.text.splitlines(),
        after.splitlines(),
        place.env.manifest.file,
        place.env.manifest.file,
        lineterm="",
        n=1,
    )
    links = {"The commit": f"{place.github.web_url}/{place.app.repository}/commit/{candidate.commit}"}
    if changes.base:
        links["All changes"] = f"{place.github.web_url}/{place.app.repository}/compare/{changes.base}...{changes.head}"
    for name in place.env.needs:
        if url := place.sibling(name).env.url:
            links[f"Open {name}"] = url
    return Question(
        candidate=candidate,
        environment=place.environment,
        changes=changes,
        needs=confirm_needs(place, candidate),
        file_diff="\n".join(diff),
        links=links,
        expires=f"{expires:%Y-%m-%d %H:%M} UTC",
        asked_again=asked_again,
    )

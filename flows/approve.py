"""Asks a person about one candidate for one environment until an answer counts; the second step of promote."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count

from prefect import get_run_logger
from prefect.runtime import flow_run

from flows.facts import changes_since, closed_now, confirm_needs
from flows.people import involved_in, judge_reply
from flows.place import Place
from tasks.approval import NoReply, ask, asked_since, question_id
from tasks.artifacts import report_page
from tasks.domain.approval.decision import (
    Answer,
    Approval,
    AskAgain,
    Decision,
    Expired,
    Rejected,
    decide_approval,
)
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
    """Pause, judge the answers under the policy, and ask again with the reason until they are enough."""
    changes = changes_since(place, candidate)
    involved = frozenset() if policy.author_may_approve else involved_in(place, candidate, changes)
    # A retry of the run counts as a new question; see tasks.approval.
    beginning = f"approval-{flow_run.run_count}"
    # A suspended run starts again from the top with each answer.
    began = asked_since(str(flow_run.id), f"{beginning}-1") or datetime.now(UTC)
    expires = began + timedelta(seconds=policy.expires_seconds)
    answers: list[Answer] = []
    standing = decide_approval(policy, candidate, place.environment, answers, involved)
    for attempt in count(1):
        if not isinstance(standing, AskAgain):
            return standing
        page = approval_page(_question(place, candidate, policy, changes, expires, standing))
        report_page(place.application, f"{place.environment}-approval", page, f"{candidate.name}: what was asked")
        get_run_logger().info(_HOW_TO_ANSWER, _time(expires))
        left = max(1, int((expires - datetime.now(UTC)).total_seconds()))
        key = f"{beginning}-{attempt}"
        reply = ask(policy, page, key=key, timeout_seconds=left)
        if isinstance(reply, Expired):
            return reply
        if isinstance(reply, NoReply):
            standing = replace(standing, reason=reply.reason)
        else:
            answers.append(judge_reply(place, policy, reply, question_id(str(flow_run.id), key)))
            standing = decide_approval(policy, candidate, place.environment, answers, involved)
        _log(standing)
    raise AssertionError("count() has no end")


def _log(decision: Decision) -> None:
    if isinstance(decision, AskAgain):
        if decision.reason:
            get_run_logger().warning("not counted: %s", decision.reason)
        if decision.given:
            approved = ", ".join(answer.person.words for answer in decision.given)
            get_run_logger().info("approved by %s; still missing: %s", approved, "; ".join(decision.missing))


def _question(
    place: Place,
    candidate: ReleaseCandidate,
    policy: ApprovalPolicy,
    changes: ChangeSet,
    expires: datetime,
    standing: AskAgain,
) -> Question:
    desired = read_desired_state(place.gitops, place.env.manifest)
    return Question(
        candidate=candidate,
        environment=place.environment,
        policy=policy,
        changes=changes,
        needs=confirm_needs(place, candidate) | closed_now(place),
        runs_now=desired.image,
        file=place.env.manifest.file,
        before=desired.text,
        after=set_image(desired.text, place.env.manifest, candidate.image, file=place.env.manifest.file),
        links=_links(place, candidate, changes),
        expires=_time(expires),
        standing=standing,
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

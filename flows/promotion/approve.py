"""Asks a person about one candidate for one environment until an answer counts; the second step of promote."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import count

from prefect import get_run_logger
from prefect.runtime import flow_run

from flows.places.place import Place
from flows.promotion.facts import changes_since
from flows.promotion.packet import gather_packet
from flows.promotion.people import involved_in, judge_reply
from flows.promotion.remember import Memory
from tasks.approval.ask import NoReply, Reply, ask, asked_since, question_id
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
from tasks.domain.approval.question import approval_page
from tasks.domain.approval.record import Asked
from tasks.domain.candidate import ReleaseCandidate
from tasks.domain.delivery.approval import ApprovalPolicy
from tasks.domain.promotion.change_set import ChangeSet

_HOW_TO_ANSWER = "Waiting for an approval until %s: open Resume at the top right (in the newer UI in the menu there)"


@dataclass(frozen=True, slots=True)
class _About:
    """What is asked about; `beginning` is that of each question's key."""

    place: Place
    candidate: ReleaseCandidate
    policy: ApprovalPolicy
    changes: ChangeSet
    involved: frozenset[str]
    beginning: str
    expires: datetime

    def judge(self, answers: Sequence[Answer]) -> Decision:
        return decide_approval(self.policy, self.candidate, self.place.environment, answers, self.involved)

    def key(self, attempt: int) -> str:
        return f"{self.beginning}-{attempt}"


def ask_until_answered(
    place: Place, candidate: ReleaseCandidate, policy: ApprovalPolicy
) -> Approval | Rejected | Expired:
    """Pause, judge the answers under the policy, and ask again with the reason until they are enough."""
    about = _gather(place, candidate, policy)
    asked = Asked(place.application, place.environment, candidate.commit, about.changes.base or "")
    memory = Memory(place, policy, candidate, asked)
    recalled = {one.question: one.answer for one in memory.recall()}
    answers = list(recalled.values())
    standing = about.judge(answers)
    for attempt in count(1):
        _log(standing)
        if not isinstance(standing, AskAgain):
            return standing
        question = question_id(str(flow_run.id), about.key(attempt))
        if question in recalled:
            continue
        reply = _put(about, standing, attempt)
        if isinstance(reply, Expired):
            return reply
        if isinstance(reply, NoReply):
            standing = replace(standing, reason=reply.reason)
            continue
        answers.append(judge_reply(place, policy, reply, question))
        standing = about.judge(answers)
        if _counts(answers[-1], standing):
            memory.keep(answers[-1], question=question, expires=about.expires)
    raise AssertionError("count() has no end")


def _gather(place: Place, candidate: ReleaseCandidate, policy: ApprovalPolicy) -> _About:
    changes = changes_since(place, candidate)
    involved = frozenset() if policy.author_may_approve else involved_in(place, candidate, changes)
    # A retry of the run counts as a new question; see tasks.approval.
    beginning = f"approval-{flow_run.run_count}"
    # A suspended run starts again from the top with each answer.
    began = asked_since(str(flow_run.id), f"{beginning}-1") or datetime.now(UTC)
    expires = began + timedelta(seconds=policy.expires_seconds)
    return _About(place, candidate, policy, changes, involved, beginning, expires)


def _put(about: _About, standing: AskAgain, attempt: int) -> Reply | NoReply | Expired:
    """Ask once."""
    place, candidate, expires = about.place, about.candidate, about.expires
    packet = gather_packet(place, candidate, about.policy, about.changes, expires=_time(expires), standing=standing)
    page = approval_page(packet)
    report_page(place.application, f"{place.environment}-approval", page, f"{candidate.name}: what was asked")
    get_run_logger().info(_HOW_TO_ANSWER, _time(expires))
    left = max(1, int((expires - datetime.now(UTC)).total_seconds()))
    return ask(about.policy, page, key=about.key(attempt), timeout_seconds=left)


def _counts(answer: Answer, decision: Decision) -> bool:
    match decision:
        case Approval(answers=given) | AskAgain(given=given):
            return answer in given
        case Rejected():
            return True


def _log(decision: Decision) -> None:
    if isinstance(decision, Approval):
        get_run_logger().info("approved by %s", decision.approvers)
    if isinstance(decision, AskAgain):
        if decision.reason:
            get_run_logger().warning("not counted: %s", decision.reason)
        if decision.given:
            approved = ", ".join(answer.person.words for answer in decision.given)
            get_run_logger().info("approved by %s; still missing: %s", approved, "; ".join(decision.missing))


def _time(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"

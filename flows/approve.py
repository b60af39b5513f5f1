"""Asks a person about one candidate for one environment until an answer counts; the second step of promote."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count

from prefect import get_run_logger
from prefect.runtime import flow_run

from flows.facts import changes_since
from flows.packet import gather_packet
from flows.people import involved_in, judge_reply
from flows.place import Place
from flows.remember import Memory
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
from tasks.domain.approval.question import approval_page
from tasks.domain.approval.record import Asked
from tasks.domain.candidate import ReleaseCandidate
from tasks.domain.delivery.approval import ApprovalPolicy

_HOW_TO_ANSWER = "Waiting for an approval until %s: open Resume at the top right (in the newer UI in the menu there)"


def ask_until_answered(
    place: Place, candidate: ReleaseCandidate, policy: ApprovalPolicy
) -> Approval | Rejected | Expired:
    """Pause, judge the answers under the policy, and ask again with the reason until they are enough."""
    changes = changes_since(place, candidate)
    involved = frozenset() if policy.author_may_approve else involved_in(place, candidate, changes)
    asked = Asked(place.application, place.environment, candidate.commit, changes.base or "")
    memory = Memory(place, policy, candidate, asked)
    recalled = {one.question: one.answer for one in memory.recall()}
    answers = list(recalled.values())
    standing = decide_approval(policy, candidate, place.environment, answers, involved)
    _log(standing)
    # A retry of the run counts as a new question; see tasks.approval.
    beginning = f"approval-{flow_run.run_count}"
    # A suspended run starts again from the top with each answer.
    began = asked_since(str(flow_run.id), f"{beginning}-1") or datetime.now(UTC)
    expires = began + timedelta(seconds=policy.expires_seconds)
    for attempt in count(1):
        if not isinstance(standing, AskAgain):
            return standing
        key = f"{beginning}-{attempt}"
        question = question_id(str(flow_run.id), key)
        if question in recalled:
            continue
        packet = gather_packet(place, candidate, policy, changes, expires=_time(expires), standing=standing)
        page = approval_page(packet)
        report_page(place.application, f"{place.environment}-approval", page, f"{candidate.name}: what was asked")
        get_run_logger().info(_HOW_TO_ANSWER, _time(expires))
        left = max(1, int((expires - datetime.now(UTC)).total_seconds()))
        reply = ask(policy, page, key=key, timeout_seconds=left)
        if isinstance(reply, Expired):
            return reply
        if isinstance(reply, NoReply):
            standing = replace(standing, reason=reply.reason)
        else:
            answers.append(judge_reply(place, policy, reply, question))
            standing = decide_approval(policy, candidate, place.environment, answers, involved)
            if _counts(answers[-1], standing):
                memory.keep(answers[-1], question=question, expires=expires)
        _log(standing)
    raise AssertionError("count() has no end")


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

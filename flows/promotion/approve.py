"""Asks a person about one candidate for one environment, or several that go together, until an answer counts.

It is the second step of promote and of release.
"""

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
from flows.promotion.remember import Memory, SharedMemory
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
from tasks.domain.candidate import CandidateSet, Promotable, ReleaseCandidate
from tasks.domain.delivery.approval import ApprovalPolicy
from tasks.domain.promotion.change_set import ChangeSet

_HOW_TO_ANSWER = "Waiting for an approval until %s: open Resume at the top right (in the newer UI in the menu there)"


@dataclass(frozen=True, slots=True)
class _One:
    """One of those that are asked about."""

    place: Place
    candidate: ReleaseCandidate
    changes: ChangeSet


@dataclass(frozen=True, slots=True)
class _About:
    """What is asked about; `beginning` is that of each question's key."""

    all_of_them: tuple[_One, ...]
    subject: Promotable
    policy: ApprovalPolicy
    involved: frozenset[str]
    beginning: str
    expires: datetime

    @property
    def place(self) -> Place:
        """Where to; of several the first's, for all else of it is the same."""
        return self.all_of_them[0].place

    @property
    def release(self) -> str:
        """The name under which they go together; empty where one goes alone."""
        return self.subject.release if isinstance(self.subject, CandidateSet) else ""

    def judge(self, answers: Sequence[Answer]) -> Decision:
        return decide_approval(self.policy, self.subject, self.place.environment, answers, self.involved)

    def key(self, attempt: int) -> str:
        return f"{self.beginning}-{attempt}"


def ask_until_answered(
    place: Place, candidate: ReleaseCandidate, policy: ApprovalPolicy
) -> Approval | Rejected | Expired:
    """Pause, judge the answers under the policy, and ask again with the reason until they are enough."""
    return _ask(_gather([(place, candidate)], candidate, policy))


def ask_about_all(
    release: str, members: Sequence[tuple[Place, ReleaseCandidate]], policy: ApprovalPolicy
) -> Approval | Rejected | Expired:
    """The same for several that go together: one question, one answer from each person for all of them."""
    return _ask(_gather(members, CandidateSet(release, tuple(candidate for _, candidate in members)), policy))


def _ask(about: _About) -> Approval | Rejected | Expired:
    memory = _memory(about)
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
        answers.append(judge_reply(about.place, about.policy, reply, question))
        standing = about.judge(answers)
        if _counts(answers[-1], standing):
            memory.keep(answers[-1], question=question, expires=about.expires)
    raise AssertionError("count() has no end")


def _gather(members: Sequence[tuple[Place, ReleaseCandidate]], subject: Promotable, policy: ApprovalPolicy) -> _About:
    all_of_them = tuple(_One(place, candidate, changes_since(place, candidate)) for place, candidate in members)
    involved: frozenset[str] = frozenset()
    if not policy.author_may_approve:
        involved = involved.union(*(involved_in(one.place, one.candidate, one.changes) for one in all_of_them))
    # A retry of the run counts as a new question; see tasks.approval.
    beginning = f"approval-{flow_run.run_count}"
    # A suspended run starts again from the top with each answer.
    began = asked_since(str(flow_run.id), f"{beginning}-1") or datetime.now(UTC)
    expires = began + timedelta(seconds=policy.expires_seconds)
    return _About(all_of_them, subject, policy, involved, beginning, expires)


def _memory(about: _About) -> SharedMemory:
    together = about.subject.digest if isinstance(about.subject, CandidateSet) else ""
    return SharedMemory(
        tuple(
            Memory(
                one.place,
                about.policy,
                one.candidate,
                Asked(
                    one.place.application,
                    one.place.environment,
                    one.candidate.commit,
                    one.changes.base or "",
                    together,
                ),
            )
            for one in about.all_of_them
        )
    )


def _put(about: _About, standing: AskAgain, attempt: int) -> Reply | NoReply | Expired:
    """Ask once."""
    expires, environment, release = about.expires, about.place.environment, about.release
    packets = (
        gather_packet(one.place, one.candidate, about.policy, one.changes, expires=_time(expires), standing=standing)
        for one in about.all_of_them
    )
    page = approval_page(*packets, release=release)
    whose = f"release-{release}" if release else about.place.application
    report_page(whose, f"{environment}-approval", page, f"{about.subject.name}: what was asked")
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

"""Keeps people's decisions with the image, signed, so that a promotion that is started again need not ask again."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime

import httpx
from prefect import get_run_logger
from prefect.runtime import flow_run

from flows.places.place import Place
from flows.promotion.people import teams_of
from flows.proof import keep_statement, read_statements
from tasks.domain.approval.decision import Answer
from tasks.domain.approval.record import Asked, Held, approval_record, held_approvals
from tasks.domain.candidate import ReleaseCandidate
from tasks.domain.delivery.approval import ApprovalPolicy
from tasks.domain.errors import DeliveryError
from tasks.domain.proof.kinds import APPROVAL
from tasks.domain.proof.statement import Statement
from tasks.gitops.desired_state import read_history
from tasks.runs.promotions import run_url


@dataclass(frozen=True, slots=True)
class Memory:
    """Where the decisions on one candidate for one environment are kept; without a signing key nowhere."""

    place: Place
    policy: ApprovalPolicy
    candidate: ReleaseCandidate
    asked: Asked

    def recall(self) -> tuple[Held, ...]:
        """The approvals that were given before and still hold; only what our key has signed counts."""
        place = self.place
        if place.signing is None:
            return ()
        digest = self.candidate.digest
        statements = read_statements(place.registry, place.app.image, place.signing, digest, APPROVAL)
        history = read_history(place.gitops, place.application, place.environment)
        changed_at = history[0].when if history else None
        records = [statement.predicate for statement in statements]
        held = held_approvals(records, self.asked, now=datetime.now(UTC), changed_at=changed_at)
        return tuple(replace(one, answer=self._with_teams(one.answer)) for one in held)

    def keep(self, answer: Answer, *, question: str, expires: datetime) -> None:
        """Attach the decision to the image; where that fails the run goes on, which knows it too."""
        place = self.place
        if place.signing is None:
            return
        run = run_url(str(flow_run.id))
        record = approval_record(self.asked, answer, question=question, expires=expires, run=run)
        statement = Statement(place.image_repository, self.candidate.digest, APPROVAL, record)
        try:
            keep_statement(place.registry, place.app.image, place.signing, statement)
        except (DeliveryError, httpx.HTTPError) as problem:
            get_run_logger().warning("the decision is not kept with the image: %s", problem)

    def _with_teams(self, answer: Answer) -> Answer:
        # Looked up anew: who has left a team since does not stand for it any more.
        person = answer.person
        return replace(answer, person=replace(person, teams=teams_of(self.place, self.policy, person.login)))


@dataclass(frozen=True, slots=True)
class SharedMemory:
    """Where the decisions on several candidates that go together are kept: with each of their images."""

    memories: tuple[Memory, ...]

    def recall(self) -> tuple[Held, ...]:
        """What still holds for every one of them that can remember; an answer on a part of them is none."""
        recalled = [memory.recall() for memory in self.memories if memory.place.signing is not None]
        if not recalled:
            return ()
        shared = set.intersection(*({held.question for held in each} for each in recalled))
        return tuple(held for held in recalled[0] if held.question in shared)

    def keep(self, answer: Answer, *, question: str, expires: datetime) -> None:
        """Attach the decision to all images."""
        for memory in self.memories:
            memory.keep(answer, question=question, expires=expires)

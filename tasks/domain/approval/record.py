"""A person's decision as a statement about the image, which outlives the run that asked; and when it still holds.

https://github.com/in-toto/attestation/blob/main/spec/v1/statement.md
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from tasks.domain.approval.decision import Answer
from tasks.domain.approval.person import Person
from tasks.domain.delivery.approval import Identity


@dataclass(frozen=True, slots=True)
class Asked:
    """What was decided on: this commit's image for this environment, in which `base` was the commit that ran (or "").

    `together` are the digests of all that it goes with, and empty where it goes alone. Times are zoned; `question` is
    the question's id, and nobody's decision holds after `expires`.
    """

    application: str
    environment: str
    commit: str
    base: str
    together: str = ""


@dataclass(frozen=True, slots=True)
class Held:
    """An answer that was given earlier, and to which question."""

    answer: Answer
    question: str


def approval_record(asked: Asked, answer: Answer, *, question: str, expires: datetime, run: str) -> dict[str, Any]:
    """The statement's predicate; nothing secret is in it."""
    person = answer.person
    return {
        "application": asked.application,
        "environment": asked.environment,
        "commit": asked.commit,
        "base": asked.base,
        "together": asked.together,
        "decision": answer.decision,
        "approver": {
            "name": person.name,
            "identity": person.proof.value,
            "login": person.login,
            "aliases": sorted(person.aliases),
        },
        "comment": answer.comment,
        "answeredAt": answer.answered_at.isoformat(),
        "expires": expires.isoformat(),
        "question": question,
        "run": run,
    }


def held_approvals(
    records: Iterable[Mapping[str, Any]], asked: Asked, *, now: datetime, changed_at: datetime | None
) -> tuple[Held, ...]:
    """The approvals among the records that hold now, oldest first; a record that cannot be read is none.

    They hold for the very same change only, until they expire, and until the environment changes: `changed_at` is when
    it did so last. An approval is so spent by the promotion that it allowed.
    """
    held = [one for record in records if (one := _held(record, asked, now, changed_at)) is not None]
    return tuple(sorted(held, key=lambda one: one.answer.answered_at))


def _held(record: Mapping[str, Any], asked: Asked, now: datetime, changed_at: datetime | None) -> Held | None:
    about = {name: getattr(asked, name) for name in ("application", "environment", "commit", "base", "together")}
    if record.get("decision") != "approve" or any(record.get(name, "") != value for name, value in about.items()):
        return None
    try:
        answered_at = datetime.fromisoformat(record["answeredAt"])
        who = record["approver"]
        person = Person(
            str(who["name"]), Identity(who["identity"]), frozenset(map(str, who["aliases"])), login=str(who["login"])
        )
        # A commit's time has no fractions of a second.
        is_spent = changed_at is not None and changed_at >= answered_at.replace(microsecond=0)
        if is_spent or not answered_at <= now < datetime.fromisoformat(record["expires"]):
            return None
        return Held(Answer("approve", person, str(record["comment"]), answered_at), str(record["question"]))
    except (KeyError, TypeError, ValueError, AttributeError):
        return None

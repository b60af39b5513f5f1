"""What has changed since environments were watched the last time: revoked, or restored."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from tasks.domain.verdict import Outcome, Verdict
from tasks.domain.wording import counted

_WORDS = {Outcome.PASSED: "verified", Outcome.FAILED: "revoked", Outcome.PENDING: "unknown"}
Before = Mapping[tuple[str, str], str]


@dataclass(frozen=True, slots=True)
class Watched:
    """One application in one environment, and whether what it was verified for holds."""

    application: str
    environment: str
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class Change:
    """What people have to hear of; `event` is the name that automations know it by."""

    application: str
    environment: str
    event: str
    sentence: str


def changes_between(before: Before, now: Iterable[Watched]) -> tuple[Change, ...]:
    """Told once: when something breaks, and when it holds again; what is unknown in between changes nothing."""
    changes = []
    for each in now:
        was = before.get((each.application, each.environment))
        name = f"{each.application} in {each.environment}"
        if each.verdict.has_failed and was != _WORDS[Outcome.FAILED]:
            sentence = f"{name} is not verified any more: {each.verdict.reason}"
            changes.append(Change(each.application, each.environment, "tidegate.verified.revoked", sentence))
        elif each.verdict.has_passed and was == _WORDS[Outcome.FAILED]:
            sentence = f"{name} is verified again: {each.verdict.reason}"
            changes.append(Change(each.application, each.environment, "tidegate.verified.restored", sentence))
    return tuple(changes)


def rows_of(now: Iterable[Watched], before: Before) -> list[dict[str, str]]:
    """The table that people see, and that the next look reads: what is not known now stays what it was."""
    return [
        {
            "environment": each.environment,
            "application": each.application,
            "state": _state(each, before),
            "why": each.verdict.reason,
        }
        for each in now
    ]


def _state(each: Watched, before: Before) -> str:
    known = _WORDS[each.verdict.outcome]
    return before.get((each.application, each.environment), known) if each.verdict.outcome is Outcome.PENDING else known


def read_rows(rows: Iterable[Mapping[str, str]]) -> Before:
    """The table of the last time."""
    return {(row.get("application", ""), row.get("environment", "")): row.get("state", "") for row in rows}


def sum_up(now: Sequence[Watched]) -> str:
    """The one sentence; it names what broke."""
    bad = [f"{each.application} in {each.environment}" for each in now if each.verdict.has_failed]
    if bad:
        return f"not verified any more: {', '.join(bad)}; nothing goes on from there until it is"
    good = sum(each.verdict.has_passed for each in now)
    return f"{counted(good, 'place')} still verified, {len(now) - good} not known"

"""Soak time: how long a candidate has to have been live and healthy in the environments before.

Counted without a break: Argo CD knows since when an application is healthy, not how long it was so before that.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from math import ceil

from tasks.domain.wording import lasting


@dataclass(frozen=True, slots=True)
class Soak:
    """One environment before, which runs the candidate now: since when, as git and Argo CD say.

    `written_at` is when the candidate was written there, `healthy_since` when its health last changed; None is unknown.
    """

    environment: str
    written_at: datetime | None
    healthy_since: datetime | None


@dataclass(frozen=True, slots=True)
class Soaking:
    """Not long enough yet; `until` is None where nobody can say since when."""

    reason: str
    until: datetime | None


def decide_soak(environment: str, soak_seconds: int, soaks: tuple[Soak, ...], now: datetime) -> Soaking | None:
    """None where it has soaked in all of them; else what takes longest."""
    if not soak_seconds:
        return None
    waiting = [found for soak in soaks if (found := _decide(environment, soak_seconds, soak, now))]
    unknown = next((one for one in waiting if one.until is None), None)
    return unknown or max(waiting, key=lambda one: one.until or now, default=None)


def _decide(environment: str, soak_seconds: int, soak: Soak, now: datetime) -> Soaking | None:
    if soak.written_at is None:
        reason = f"its history does not say since when {soak.environment} runs it; promote it there with Tidegate"
        return Soaking(f"{environment} needs {lasting(soak_seconds)} in {soak.environment}: {reason}", None)
    if soak.healthy_since is None:
        reason = f"Argo CD does not say since when {soak.environment} is healthy; a newer one does"
        return Soaking(f"{environment} needs {lasting(soak_seconds)} in {soak.environment}: {reason}", None)
    since = max(soak.written_at, soak.healthy_since)
    until = since + timedelta(seconds=soak_seconds)
    if until <= now:
        return None
    has = lasting(max(0, int((now - since).total_seconds())))
    sentence = (
        f"{environment} needs {lasting(soak_seconds)} of health in {soak.environment}, which has {has}: "
        f"{lasting(ceil((until - now).total_seconds()))} left, until {until.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
    )
    return Soaking(sentence, until)

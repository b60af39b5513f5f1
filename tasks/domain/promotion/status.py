"""What runs where, since when and by whose approval, and what waits there for whom: one line an environment."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from tasks.domain.promotion.history import Change
from tasks.domain.verdict import Verdict


@dataclass(frozen=True, slots=True)
class OnTheWay:
    """A promotion that has not ended, or has ended with something left to do: its candidate, and what it waits for."""

    commit: str
    state: str
    waits_for: str
    run: str


@dataclass(frozen=True, slots=True)
class EnvironmentStatus:
    """One application in one environment.

    `digest` is what git wants to run, `change` the commit of ours that brought it, None where it was not ours. `live`
    is what Argo CD says about it, `held` why nothing is promoted there now, and empty where nothing keeps it.
    """

    application: str
    environment: str
    digest: str | None
    change: Change | None
    live: Verdict
    held: str
    on_the_way: tuple[OnTheWay, ...]


def status_row(status: EnvironmentStatus) -> tuple[str, ...]:
    """The cells: application, environment, what runs, since when, by whom, how it is, and what waits."""
    change = status.change
    commit = change.source_commit[:7] if change and change.source_commit else "unknown"
    waiting = [f"{one.commit[:7]}: {one.waits_for}" for one in status.on_the_way]
    return (
        status.application,
        status.environment,
        f"{commit} {_short(status.digest)}" if status.digest else "nothing",
        f"{change.when.astimezone(UTC):%Y-%m-%d %H:%M}" if change and change.when else "",
        (change.approved_by or "nobody was asked") if change else "",
        status.live.outcome.value if status.live.has_passed else status.live.reason,
        "\n".join([*([status.held] if status.held else []), *waiting]),
    )


def status_document(status: EnvironmentStatus) -> dict[str, Any]:
    """The same as plain values, for JSON; times are in UTC."""
    change = status.change
    return {
        "application": status.application,
        "environment": status.environment,
        "digest": status.digest,
        "commit": change.source_commit if change else None,
        "since": _iso(change.when) if change else None,
        "approved_by": (change.approved_by or None) if change else None,
        "gitops_commit": change.revision if change else None,
        "live": {"outcome": status.live.outcome.value, "reason": status.live.reason},
        "held": status.held or None,
        "on_the_way": [
            {"commit": one.commit, "state": one.state, "waits_for": one.waits_for, "run": one.run}
            for one in status.on_the_way
        ],
    }


def _iso(moment: datetime | None) -> str | None:
    return moment.astimezone(UTC).isoformat() if moment else None


def _short(digest: str) -> str:
    return digest.removeprefix("sha256:")[:12]

"""Which release an environment goes back to, and what stands in quarantine there, from its history alone."""

from collections.abc import Sequence
from dataclasses import dataclass

from tasks.domain.promotion.history import Change, last_healthy_before, quarantined

_SHORTEST = 7


@dataclass(frozen=True, slots=True)
class NoWayBack:
    """Why nothing is put back, and what to do instead."""

    reason: str


@dataclass(frozen=True, slots=True)
class Quarantined:
    """One digest that was taken back and not cleared since; `commit` is empty where the history does not name it."""

    digest: str
    commit: str
    reason: str


def choose_release(changes: Sequence[Change], bad_digest: str, to: str) -> Change | NoWayBack | None:
    """What to go back to from `bad_digest`: the commit that `to` names, or where it is empty the last healthy one.

    `changes` are newest first; `to` may be abbreviated to seven digits. None where `to` is empty and the history knows
    no earlier healthy release.
    """
    if not to:
        return last_healthy_before(changes, bad_digest)
    if len(to) < _SHORTEST:
        return NoWayBack(f"{to!r} is too short for a commit; give at least {_SHORTEST} digits")
    releases = [change for change in changes if change.source_commit and not change.clears_quarantine]
    meant = [change for change in releases if change.source_commit.startswith(to.lower())]
    if len({change.source_commit for change in meant}) > 1:
        return NoWayBack(f"several commits begin with {to}; give all 40 digits")
    if not meant:
        known = list(dict.fromkeys(change.source_commit[:7] for change in releases))[:10]
        return NoWayBack(f"commit {to} was never in this environment; lately there were: {', '.join(known) or 'none'}")
    bad = quarantined(changes)
    good = [change for change in meant if change.digest != bad_digest]
    if not good:
        return NoWayBack(f"commit {to[:7]} is what it runs already; name an earlier one")
    chosen = next((change for change in good if change.digest not in bad), None)
    return chosen or NoWayBack(
        f"commit {to[:7]} is in quarantine: {bad[good[0].digest]}; clear it with `tidegate quarantine clear`, or "
        "name another commit"
    )


def list_quarantine(changes: Sequence[Change]) -> tuple[Quarantined, ...]:
    """What may not be promoted to the environment; `changes` are newest first."""
    commits = {change.digest: change.source_commit for change in changes if change.source_commit}
    return tuple(Quarantined(digest, commits.get(digest, ""), why) for digest, why in quarantined(changes).items())


def find_quarantined(changes: Sequence[Change], name: str) -> tuple[Quarantined, ...]:
    """Those that `name` may mean: a digest or a commit, each from its seventh digit on."""
    wanted = name.lower().removeprefix("sha256:")
    if len(wanted) < _SHORTEST:
        return ()
    return tuple(
        held
        for held in list_quarantine(changes)
        if held.digest.removeprefix("sha256:").startswith(wanted) or held.commit.startswith(wanted)
    )

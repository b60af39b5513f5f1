"""A promotion's pull request: what is known of it, and what is to be done about it."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from tasks.domain.promotion.history import Change

BRANCHES = "tidegate"


@dataclass(frozen=True, slots=True)
class Review:
    """What one reviewer said last, in GitHub's words, whether it was about the newest commit, and when."""

    login: str
    state: str
    body: str
    is_current: bool
    said_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class PullRequest:
    """As GitHub shows it.

    `merge_commit` and `merged_by` are empty before it is merged. `state` is GitHub's mergeable_state; `checks` are
    those that have not passed, each with how it stands. `asked` are the logins and teams whose review is requested.
    """

    number: int
    url: str
    head: str
    is_open: bool
    merge_commit: str = ""
    merged_by: str = ""
    is_draft: bool = False
    state: str = "unknown"
    reviews: tuple[Review, ...] = ()
    checks: tuple[str, ...] = ()
    opened_at: datetime | None = None
    merged_at: datetime | None = None
    asked: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Ready:
    """GitHub lets it be merged."""


@dataclass(frozen=True, slots=True)
class Merged:
    """It is on the branch; `by` is empty where GitHub does not say who merged it."""

    commit: str
    by: str


@dataclass(frozen=True, slots=True)
class Blocked:
    """Not yet: somebody has to do something first."""

    reason: str


@dataclass(frozen=True, slots=True)
class InQueue:
    """GitHub's merge queue has it, and merges it by itself; `state` is GitHub's word for how far it is."""

    position: int
    state: str


@dataclass(frozen=True, slots=True)
class ThrownOut:
    """The merge queue has it no more, and has not merged it."""

    reason: str


@dataclass(frozen=True, slots=True)
class Outdated:
    """Its branch has to be made again on top of what the base is now."""

    reason: str


@dataclass(frozen=True, slots=True)
class Closed:
    """Somebody closed it without merging it."""

    reason: str


Standing = Ready | Merged | Blocked | Outdated | Closed


def decide_pull_request(pull: PullRequest) -> Standing:
    """What is to be done about it now.

    https://docs.github.com/graphql/reference/enums#mergestatestatus describes the states.
    """
    if pull.merge_commit:
        return Merged(pull.merge_commit, pull.merged_by)
    if not pull.is_open:
        return Closed(f"pull request #{pull.number} was closed without being merged")
    if pull.is_draft:
        return Blocked("it is a draft; mark it as ready for review")
    match pull.state:
        # unstable: a check that nobody requires has not passed. has_hooks: the server runs hooks of its own.
        case "clean" | "unstable" | "has_hooks":
            return Ready()
        case "behind":
            return Outdated("its branch has to hold the newest commit of the base first")
        case "dirty":
            return Outdated("it is in conflict with the base")
        case "unknown":
            return Blocked("GitHub has not found out yet whether it can be merged")
    return Blocked(_missing(pull))


def decide_in_queue(pull: PullRequest, seen: InQueue | ThrownOut) -> Merged | Closed | Blocked | ThrownOut:
    """What is to be done about one that was put into the merge queue; `seen` is older than `pull`."""
    if pull.merge_commit:
        return Merged(pull.merge_commit, pull.merged_by)
    if not pull.is_open:
        return Closed(f"pull request #{pull.number} was closed without being merged")
    if isinstance(seen, ThrownOut):
        return seen
    return Blocked(f"it is number {seen.position} in the merge queue ({seen.state.lower().replace('_', ' ')})")


def approving(pull: PullRequest, named: Iterable[str]) -> tuple[Review, ...]:
    """What counts as approvals of its newest commit, if they may approve: the reviews, and who merged it.

    A bot reviews, or merges for somebody who told it to, so it counts only where the policy names it: `named`.
    """
    said = {one.login: one for one in pull.reviews if one.state == "APPROVED" and one.is_current}
    if pull.merged_by and pull.merged_by not in said:
        words = f"merged pull request #{pull.number}"
        said[pull.merged_by] = Review(pull.merged_by, "MERGED", words, is_current=True, said_at=pull.merged_at)
    known = {name.casefold() for name in named}
    return tuple(one for one in said.values() if not one.login.endswith("[bot]") or one.login.casefold() in known)


def branch_of(change: Change) -> str:
    """The branch of a promotion: another candidate has another one, and so another pull request."""
    return f"{family_of(change)}{change.digest.removeprefix('sha256:')[:12]}"


def family_of(change: Change) -> str:
    """What the branches of all candidates for the same place begin with."""
    return f"{BRANCHES}/{change.application}/{change.environment}/"


def _missing(pull: PullRequest) -> str:
    changes = [review.login for review in pull.reviews if review.state == "CHANGES_REQUESTED"]
    approvals = [review.login for review in pull.reviews if review.state == "APPROVED"]
    parts = []
    if changes:
        parts.append(f"{_list(changes)} asked for changes")
    if pull.checks:
        parts.append(f"checks that have not passed: {', '.join(pull.checks)}")
    if not changes:
        so_far = f"approved so far by {_list(approvals)}" if approvals else "nobody has approved it yet"
        asked = f"; asked are {_list(pull.asked)}" if pull.asked else ""
        parts.append(f"the rules of its base branch are not kept yet, such as required reviews ({so_far}{asked})")
    return "; ".join(parts)


def _list(names: Iterable[str]) -> str:
    return ", ".join(names)

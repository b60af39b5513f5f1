"""A promotion's pull request: what is known of it, and what is to be done about it."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from tasks.domain.message import plain
from tasks.domain.promotion.history import Change

BRANCHES = "tidegate"
# GitHub refuses a longer text ("body is too long (maximum is 65536 characters)").
_LONGEST_BODY = 65_536
# A blank that has no width.
_NOTHING = "\u200b"
# An issue's number, and a word that closes the issue whose address follows.
_REFERENCES = (
    re.compile(r"(#)(\d)"),
    re.compile(r"\b(GH)(-\d)", re.IGNORECASE),
    re.compile(r"\b(clos|fix|resolv)(\w*:?\s+https?://)", re.IGNORECASE),
)


@dataclass(frozen=True, slots=True)
class Review:
    """What one reviewer said last, in GitHub's words, and whether it was about the newest commit."""

    login: str
    state: str
    body: str
    is_current: bool


@dataclass(frozen=True, slots=True)
class PullRequest:
    """As GitHub shows it.

    `merge_commit` and `merged_by` are empty before it is merged. `state` is GitHub's mergeable_state; `checks` are
    those that have not passed, each with how it stands.
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


def branch_of(change: Change) -> str:
    """The branch of a promotion: another candidate has another one, and so another pull request."""
    return f"{family_of(change)}{change.digest.removeprefix('sha256:')[:12]}"


def family_of(change: Change) -> str:
    """What the branches of all candidates for the same place begin with."""
    return f"{BRANCHES}/{change.application}/{change.environment}/"


def body_of(page: str, rest: str) -> str:
    """The page as the text of a pull request: nothing in it calls people, or closes issues when it is merged.

    Where it is longer than GitHub takes, it ends with what `rest` says about where the whole page is.
    https://docs.github.com/issues/tracking-your-work-with-issues/using-issues/linking-a-pull-request-to-an-issue
    """
    lines, is_code = [], False
    for line in page.splitlines():
        is_code ^= line.startswith("```")
        lines.append(line if is_code else _quiet(line))
    whole = "\n".join(lines)
    return whole if len(whole) <= _LONGEST_BODY else _cut(lines, f"**Cut here**, for GitHub takes no more. {rest}")


def _cut(lines: list[str], ending: str) -> str:
    """As many whole lines as leave room for the ending, and for the end of a block of code."""
    kept: list[str] = []
    room, is_code = _LONGEST_BODY - len(ending) - len("```\n\n"), False
    for line in lines:
        room -= len(line) + 1
        if room < 0:
            break
        is_code ^= line.startswith("```")
        kept.append(line)
    return "\n".join([*kept, *(["```"] if is_code else []), "", ending])


def whole_page(run_url: str, application: str, topic: str) -> str:
    """Where the text of a pull request is, that is too long for it."""
    return f"The whole text is the artifact `{application}-{topic}` of [the promotion's run]({run_url})."


def waiting_page(name: str, environment: str, pull: PullRequest, reason: str) -> str:
    """What a run that waits for its pull request leaves to be seen meanwhile."""
    return f"## {name} → {environment}\n\n[Pull request #{pull.number}]({pull.url}) waits: {plain(reason, 500)}"


def superseded_comment(successor: str, url: str) -> str:
    """What is said below a pull request whose place another one has taken."""
    return f"Superseded by {successor}: {url}"


def _quiet(line: str) -> str:
    apart = line.replace("@", f"@{_NOTHING}")
    for pattern in _REFERENCES:
        apart = pattern.sub(rf"\1{_NOTHING}\2", apart)
    return apart


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
        parts.append(f"the rules of its base branch are not kept yet, such as required reviews ({so_far})")
    return "; ".join(parts)


def _list(names: Iterable[str]) -> str:
    return ", ".join(names)

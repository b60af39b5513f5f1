"""The texts that belong to a promotion's pull request; what it asks for is in tasks.domain.approval.question."""

import re

from tasks.domain.message import plain
from tasks.domain.promotion.pull_request import PullRequest

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

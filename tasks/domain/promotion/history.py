"""The history of an environment, kept in the trailers of commit messages in the GitOps repository.

Nothing else remembers what was promoted, by whose approval, and what was taken back: the trailers of the last
paragraph of each commit's message, one value each, in the form that `git interpret-trailers` knows.
"""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from tasks.domain.errors import ConfigurationError
from tasks.domain.image import COMMIT, DIGEST

_NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
_TRAILER = re.compile(r"([A-Za-z0-9][A-Za-z0-9-]*): *(.*)")
_PREFIX = "Tidegate-"
# With this one the trailers of each change begin.
_FIRST = "Application"
_LONGEST_VALUE = 500


@dataclass(frozen=True, slots=True)
class Change:
    """What one commit did to one environment: a promotion, a rollback or the end of a quarantine.

    `rollback_of` is the digest that a rollback took out, `replaced_unhealthy` the one that a promotion replaced where
    that did not work when it was replaced; `break_glass` is why windows and freezes were passed; `release` names what
    it went with; with `clears_quarantine` the commit changes no manifest and only takes `digest` out of quarantine.
    `revision` and `when` are the commit's, once there is one. Raises ConfigurationError where a name, digest or commit
    is malformed; the other texts may hold anything.
    """

    application: str
    environment: str
    digest: str
    source_commit: str = ""
    approved_by: str = ""
    run: str = ""
    rollback_of: str | None = None
    reason: str = ""
    break_glass: str = ""
    replaced_unhealthy: str | None = None
    clears_quarantine: bool = False
    release: str = ""
    revision: str = ""
    when: datetime | None = None

    def __post_init__(self) -> None:
        for name in (self.application, self.environment):
            if not _NAME.fullmatch(name):
                raise ConfigurationError(f"{name!r} is not a name; use lower case letters, digits and '-'")
        for digest in (self.digest, self.rollback_of, self.replaced_unhealthy):
            if digest is not None and not DIGEST.fullmatch(digest):
                raise ConfigurationError(f"{digest!r} is not a digest; use sha256: and 64 hexadecimal digits")
        if not COMMIT.fullmatch(self.source_commit) and not (self.clears_quarantine and not self.source_commit):
            raise ConfigurationError(f"commit {self.source_commit!r} is not a full SHA; give all 40 hexadecimal digits")


def promotion_message(change: Change, *others: Change) -> str:
    """The commit message of a change, or of several that are made together, one after another in its trailers.

    No text in it can pass for another trailer or another line.
    """
    changes = (change, *others)
    subject = _subject_of_all(changes) if others else _subject(change)
    return f"{subject}\n\n" + "".join(
        f"{_PREFIX}{key}: {value}\n" for each in changes for key, value in _trailers(each)
    )


def parse_changes(message: str, revision: str, when: datetime) -> tuple[Change, ...]:
    """The changes that a commit with this message made; none where it is not Tidegate's or its trailers contradict."""
    changes = [_change(trailers, revision, when) for trailers in _groups(message)]
    found = tuple(change for change in changes if change is not None)
    places = {(change.application, change.environment) for change in found}
    return found if len(places) == len(changes) else ()


def _groups(message: str) -> list[dict[str, str] | None]:
    """The trailers of each change, which begin with its application; None where one is given twice."""
    groups: list[dict[str, str] | None] = []
    pairs: list[tuple[str, str]] = []
    for key, value in (*_pairs(message), (_FIRST, "")):
        if key == _FIRST and any(known == _FIRST for known, _ in pairs):
            groups.append(_unique(pairs))
            pairs = []
        pairs.append((key, value))
    return groups


def _change(trailers: dict[str, str] | None, revision: str, when: datetime) -> Change | None:
    if trailers is None or {"Digest", "Quarantine-Cleared"} <= trailers.keys():
        return None
    try:
        return Change(
            application=trailers.get("Application", ""),
            environment=trailers.get("Environment", ""),
            digest=trailers.get("Digest") or trailers.get("Quarantine-Cleared", ""),
            source_commit=trailers.get("Source-Commit", ""),
            approved_by=trailers.get("Approved-By", ""),
            run=trailers.get("Run", ""),
            rollback_of=trailers.get("Rollback-Of"),
            reason=trailers.get("Reason", ""),
            break_glass=trailers.get("Break-Glass", ""),
            replaced_unhealthy=trailers.get("Replaced-Unhealthy"),
            clears_quarantine="Quarantine-Cleared" in trailers,
            release=trailers.get("Release", ""),
            revision=revision,
            when=when,
        )
    except ConfigurationError:
        return None


def quarantined(changes: Sequence[Change]) -> dict[str, str]:
    """Each digest that was taken back and not cleared since, with the reason; `changes` are newest first."""
    reasons: dict[str, str] = {}
    for change in reversed(changes):
        if change.clears_quarantine:
            reasons.pop(change.digest, None)
        elif change.rollback_of is not None:
            reasons[change.rollback_of] = _why(change)
    return reasons


def last_healthy_before(changes: Sequence[Change], digest: str) -> Change | None:
    """What to go back to from `digest`: the newest change before it to another digest that is not in quarantine.

    Where `digest` is not in the history, that is the newest change of all. What did not work when it was replaced is
    passed over; a later promotion of the same digest counts anew.
    """
    bad = quarantined(changes)
    here = next((i for i, change in enumerate(changes) if _set(change, digest)), -1)
    earlier = (change for change in _working(changes)[here + 1 :] if change and not change.clears_quarantine)
    return next((change for change in earlier if change.digest != digest and change.digest not in bad), None)


def _working(changes: Sequence[Change]) -> list[Change | None]:
    """The changes, None for each whose digest did not work when the change after it replaced it."""
    replaced: set[str] = set()
    found: list[Change | None] = []
    for change in changes:
        broken = change.digest in replaced and not change.clears_quarantine
        found.append(None if broken else change)
        if not change.clears_quarantine:
            replaced.discard(change.digest)
        if change.replaced_unhealthy:
            replaced.add(change.replaced_unhealthy)
    return found


def change_with(changes: Sequence[Change], digest: str) -> Change | None:
    """The newest change to this digest."""
    return next((change for change in changes if _set(change, digest)), None)


def _set(change: Change, digest: str) -> bool:
    return change.digest == digest and not change.clears_quarantine


def _subject(change: Change) -> str:
    short = change.source_commit[:7] or change.digest.removeprefix("sha256:")[:12]
    if change.clears_quarantine:
        return f"Clear the quarantine of {change.application} {short} in {change.environment}"
    if change.rollback_of is not None:
        return f"Roll back {change.application} in {change.environment} to {short}"
    return f"Promote {change.application} {short} to {change.environment}"


def _subject_of_all(changes: Sequence[Change]) -> str:
    first = changes[0]
    what = first.release or "several applications"
    each = ", ".join(f"{change.application} {change.source_commit[:7]}" for change in changes)
    if any(change.rollback_of for change in changes):
        return f"Roll back {what} in {first.environment} to {each}"
    return f"Promote {what} to {first.environment}: {each}"


def _trailers(change: Change) -> list[tuple[str, str]]:
    trailers = [
        (_FIRST, change.application),
        ("Environment", change.environment),
        ("Quarantine-Cleared" if change.clears_quarantine else "Digest", change.digest),
        ("Source-Commit", change.source_commit),
        ("Approved-By", one_line(change.approved_by)),
        ("Run", one_line(change.run)),
        ("Rollback-Of", change.rollback_of or ""),
        ("Reason", one_line(change.reason)),
        ("Break-Glass", one_line(change.break_glass)),
        ("Replaced-Unhealthy", change.replaced_unhealthy or ""),
        ("Release", one_line(change.release)),
    ]
    return [(key, value) for key, value in trailers if value]


def one_line(text: str) -> str:
    """The text as the value of a trailer: nothing in it can end the line, and it is cut after 500 marks."""
    # Also what only looks like a line end, or hides or turns around what follows it.
    shown = "".join(" " if unicodedata.category(mark)[0] in "CZ" else mark for mark in text)
    line = " ".join(shown.split())
    return line if len(line) <= _LONGEST_VALUE else line[: _LONGEST_VALUE - 1] + "…"


def read_trailers(message: str) -> dict[str, str] | None:
    """Our trailers without their prefix; None where there are none or one is given twice."""
    return _unique(_pairs(message)) or None


def _unique(pairs: Sequence[tuple[str, str]]) -> dict[str, str] | None:
    trailers = dict(pairs)
    return trailers if len(trailers) == len(pairs) else None


def _pairs(message: str) -> list[tuple[str, str]]:
    paragraph = message.replace("\r\n", "\n").rstrip().rpartition("\n\n")[2]
    # Not splitlines(): it also splits at marks that git takes for a part of the line.
    matches = (_TRAILER.fullmatch(line.rstrip()) for line in paragraph.split("\n"))
    return [(match[1].removeprefix(_PREFIX), match[2]) for match in matches if match and match[1].startswith(_PREFIX)]


def _why(change: Change) -> str:
    when = f" on {change.when.astimezone(UTC):%Y-%m-%d %H:%M} UTC" if change.when else ""
    commit = f" by commit {change.revision[:7]}" if change.revision else ""
    return f"it was rolled back{when}{commit}" + (f": {change.reason}" if change.reason else "")

"""Waivers: somebody's word, until a day, that findings of a rule do not count. They stand on the platform's side."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from fnmatch import fnmatchcase
from typing import Literal

from pydantic import Field

from tasks.domain.configuration.checked_text import Name
from tasks.domain.configuration.part import Part, Text
from tasks.domain.gates.finding import Finding

# So long before a waiver ends people hear of it.
_SOON = timedelta(days=7)


class Waiver(Part):
    """One exception: which findings, on whose word, why, and until when."""

    rule: Text = Field(description="The rule, or a name of the vulnerability such as its CVE; in any letter case.")
    application: Name | None = Field(None, description="The only application that it is for; left out: every one.")
    path: Text | None = Field(
        None, description="The only file or package that it is for; * stands for anything. Left out: everywhere."
    )
    owner: Text = Field(description="Who answers for it.")
    reason: Text = Field(description="Why the findings do not matter; everybody sees it.")
    expires: date = Field(description="The last day on which it counts, such as 2027-01-31, in UTC.")

    def covers(self, finding: Finding) -> bool:
        """Whether the finding is one of those that are meant, whatever the day."""
        names = {name.casefold() for name in (finding.rule, *finding.aliases)}
        if self.rule.casefold() not in names:
            return False
        places = (finding.file, finding.package, finding.package.partition(" ")[0])
        return self.path is None or any(fnmatchcase(place, self.path) for place in places if place)


class Waivers(Part):
    """The file of waivers."""

    version: Literal[1] = Field(description="The version of this format.")
    waivers: tuple[Waiver, ...] = Field((), description="The exceptions, in any order.")


@dataclass(frozen=True, slots=True)
class WaiverUse:
    """One finding that a waiver is about."""

    finding: Finding
    waiver: Waiver

    def __str__(self) -> str:
        waiver = self.waiver
        return f"{self.finding.rule} at {self.finding.place} (until {waiver.expires}, {waiver.owner}: {waiver.reason})"


@dataclass(frozen=True, slots=True)
class Sifted:
    """Findings by what waivers do to them.

    Those in `expired` are among those that count, those in `ending` among those that are waived: for a week at most.
    """

    counting: tuple[Finding, ...]
    waived: tuple[WaiverUse, ...]
    expired: tuple[WaiverUse, ...]
    ending: tuple[WaiverUse, ...] = ()


def waivers_for(application: str, waivers: Iterable[Waiver]) -> tuple[Waiver, ...]:
    """Those that are for this application."""
    return tuple(waiver for waiver in waivers if waiver.application in {None, application})


def sift(findings: Iterable[Finding], waivers: Iterable[Waiver], today: date) -> Sifted:
    """What counts, and each use of a waiver; of several waivers for a finding the one that lasts longest is used."""
    by_rule: defaultdict[str, list[Waiver]] = defaultdict(list)
    for waiver in sorted(waivers, key=lambda one: one.expires, reverse=True):
        by_rule[waiver.rule.casefold()].append(waiver)
    counting, waived, expired = [], [], []
    for finding in findings:
        candidates = (waiver for name in (finding.rule, *finding.aliases) for waiver in by_rule[name.casefold()])
        fitting = [waiver for waiver in candidates if waiver.covers(finding)]
        use = WaiverUse(finding, max(fitting, key=lambda one: one.expires)) if fitting else None
        if use and today <= use.waiver.expires:
            waived.append(use)
        else:
            counting.append(finding)
            expired += [use] if use else []
    ending = tuple(use for use in waived if use.waiver.expires - today <= _SOON)
    return Sifted(tuple(counting), tuple(waived), tuple(expired), ending)

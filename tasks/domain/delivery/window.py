"""When an environment may be changed: deployment windows that open by cron, and freezes between two dates."""

from datetime import datetime, timedelta
from typing import Annotated, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, Field, model_validator

from tasks.domain.configuration.checked_text import Name
from tasks.domain.configuration.part import Part, Text
from tasks.domain.delivery.cron import Schedule, parse_cron

_LONGEST_WINDOW_SECONDS = 7 * 24 * 3600
_DAY, _MINUTE = "%Y-%m-%d", "%Y-%m-%d %H:%M"


def _is_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"unknown time zone {name!r}; use a name such as Europe/Berlin or UTC") from None
    return name


def _is_cron(text: str) -> str:
    parse_cron(text)
    return text


def _is_moment(text: str) -> str:
    for form in (_DAY, _MINUTE):
        try:
            datetime.strptime(text, form)
        except ValueError:
            continue
        return text
    raise ValueError(f"is {text!r}; it must be a day such as 2027-12-20, or with a time 2027-12-20 18:00")


Zone = Annotated[Text, AfterValidator(_is_zone)]
Cron = Annotated[Text, AfterValidator(_is_cron)]
Moment = Annotated[Text, AfterValidator(_is_moment)]


class DeploymentWindow(Part):
    """Opens by the clock of its time zone and stays open for a while."""

    opens: Cron = Field(
        description="When it opens, as cron: minute, hour, day of the month, month, day of the week, such as "
        "`0 9 * * mon-thu`. Where the clock jumps over that time it opens as much later; where the clock shows it "
        "twice, the first time."
    )
    open_seconds: Annotated[int, Field(gt=0, le=_LONGEST_WINDOW_SECONDS)] = Field(
        description="How long it stays open, in seconds that pass, not by the clock; at most a week."
    )
    zone: Zone = Field("UTC", description="The time zone by its IANA name, such as Europe/Berlin.")

    @property
    def schedule(self) -> Schedule:
        """When it opens, by the clock of its zone."""
        return parse_cron(self.opens)


class Freeze(Part):
    """A time in which nothing is promoted; rollbacks always are."""

    begins: Moment = Field(alias="from", description="The first day, or the minute, such as 2027-12-20 18:00.")
    ends: Moment = Field(alias="until", description="The last day, which belongs to it, or the minute it ends.")
    zone: Zone = Field("UTC", description="The time zone of both, by its IANA name, such as Europe/Berlin.")
    reason: Text = Field(description="Why; everybody who waits for its end sees it.")
    environments: tuple[Name, ...] = Field((), description="Where it holds; left out: in every environment.")

    @model_validator(mode="after")
    def _ends_after_it_begins(self) -> Self:
        if self.end <= self.start:
            raise ValueError(f"ends ({self.ends}) before it begins ({self.begins}); correct `from` or `until`")
        return self

    @property
    def start(self) -> datetime:
        """The first moment that belongs to it."""
        return _moment(self.begins, self.zone, days=0)

    @property
    def end(self) -> datetime:
        """The first moment after it."""
        return _moment(self.ends, self.zone, days=1)

    def holds_in(self, environment: str) -> bool:
        """Whether it is about this environment."""
        return not self.environments or environment in self.environments


def _moment(text: str, zone: str, *, days: int) -> datetime:
    """The minute, or where only a day is given its first moment, `days` later."""
    form = _MINUTE if " " in text else _DAY
    later = timedelta() if form == _MINUTE else timedelta(days=days)
    # Added by the calendar, before the zone: a day may have 23 or 25 hours.
    return (datetime.strptime(text, form) + later).replace(tzinfo=ZoneInfo(zone))

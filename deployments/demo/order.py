"""What happens in the demos about the order of promotions: a freeze that ends, and a candidate that is overtaken."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from deployments.demo.people import Decision
from deployments.demo.timeline import Run
from deployments.sandbox.changes import good_change
from deployments.sandbox.world import World

_FREEZES = "\nfreezes:\n"
_FREEZE = """\
  - from: 2026-01-01
    until: {until}
    reason: the trade fair
    environments: [production]
"""


@dataclass(frozen=True, slots=True)
class ShortFreeze:
    """A freeze of production that is found when it is approved, and ends soon after."""

    ends: list[str] = field(default_factory=list)

    def begin(self, world: World) -> str:
        """Until further notice: nobody knows yet how long the story takes until then."""
        self._write(world, "2099-12-31")
        return "Production is frozen"

    def end_soon(self, world: World, _waiting: Run) -> str | None:
        """Once, when somebody is asked; freezes end at a minute, so this takes between one and two."""
        if self.ends:
            return None
        until = (datetime.now(UTC) + timedelta(seconds=120)).replace(second=0)
        self.ends.append(f"{until:%Y-%m-%d %H:%M}")
        self._write(world, self.ends[0])
        return f"The freeze ends at {until:%H:%M} UTC: what is approved now waits until then"

    def _write(self, world: World, until: str) -> None:
        text = world.delivery_file.read_text().partition(_FREEZES)[0]
        world.delivery_file.write_text(text + _FREEZES + _FREEZE.format(until=until))


def leave_alone(waiting: Run, _decision: Decision) -> str:
    """Nobody answers: the run of a newer commit takes this one's place."""
    return f"Nobody answers {waiting.name}"


@dataclass(frozen=True, slots=True)
class NewerOne:
    """A second commit, which is pushed once, while the first one waits for a person."""

    subject: str
    files: dict[str, str]
    pushed: list[str] = field(default_factory=list)

    def push_both(self, world: World, to_the_end: Callable[[str], None], say: Callable[[str], None]) -> str:
        """Push the first one and follow it to its end, which the newer one brings about; gives the newer one.

        The first one where it came to its end without a question.
        """
        first = world.push(self.subject, self.files)
        say(f"Pushed '{self.subject}', {first[:7]}")
        to_the_end(first)
        return self.pushed[0] if self.pushed else first

    def push_it(self, world: World, waiting: Run) -> str | None:
        """Push the newer one, where that was not done yet."""
        if self.pushed:
            return None
        self.pushed.append(world.push("Offer one more product", good_change(2)))
        return f"Pushed '{self.pushed[0][:7]}' before anybody answered: it takes the place of {waiting.name}"

"""What happens in the demos about the order of promotions: a freeze that ends, and a candidate that is overtaken."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from deployments.demo.people import Decision
from deployments.demo.timeline import Run
from deployments.sandbox.changes import good_change
from deployments.sandbox.world import World


def freeze_production(world: World) -> str:
    """For a little while: the story goes on when it ends."""
    # Freezes end at a minute; this one does so after staging has been verified.
    until = datetime.now(UTC).replace(second=0) + timedelta(minutes=2)
    freeze = f"""
freezes:
  - from: 2026-01-01
    until: {until:%Y-%m-%d %H:%M}
    reason: the trade fair
    environments: [production]
"""
    world.delivery_file.write_text(world.delivery_file.read_text() + freeze)
    return f"Production is frozen until {until:%H:%M} UTC"


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
        """Push the first one and follow it to its end, which the newer one brings about; gives the newer one."""
        first = world.push(self.subject, self.files)
        say(f"Pushed '{self.subject}', {first[:7]}")
        to_the_end(first)
        return self.pushed[0]

    def push_it(self, world: World, waiting: Run) -> str | None:
        """Push the newer one, where that was not done yet."""
        if self.pushed:
            return None
        self.pushed.append(world.push("Offer one more product", good_change(2)))
        return f"Pushed '{self.pushed[0][:7]}' before anybody answered: it takes the place of {waiting.name}"

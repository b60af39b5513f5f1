"""How a story is shown: a live picture in a terminal, plain lines anywhere else."""

from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from deployments.demo.timeline import Run

# About how many task runs a flow has when all goes well, for the length of its bar.
_STEPS = {"integrate": 24, "promote": 22}
_COLOURS = {"COMPLETED": "green", "FAILED": "red", "CRASHED": "red", "CANCELLED": "yellow", "PAUSED": "cyan"}


class PlainScreen:
    """One line for each thing that happens."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._seen: dict[str, str] = {}

    def say(self, text: str) -> None:
        """Print the line at once."""
        self._console.print(text, highlight=False, soft_wrap=True, markup=False)

    def show(self, runs: tuple[Run, ...]) -> None:
        """Print what has changed since the last time."""
        for run in runs:
            self._tell(str(run.run_id), f"{run.flow}: {run.name}: {run.state} {_short(run.message)}".rstrip())
            for step in run.steps:
                if step.phase and step.ended:
                    self._tell(f"{run.run_id} {step.name} {step.started}", f"  {step.name}: {step.state}")

    def _tell(self, key: str, line: str) -> None:
        if self._seen.get(key) != line:
            self._seen[key] = line
            self.say(line)


class LiveScreen:
    """All runs with their progress, drawn anew in place; lines that stay go above it."""

    def __init__(self, console: Console, live: Live) -> None:
        self._console = console
        self._live = live

    def say(self, text: str) -> None:
        """Print the line above the picture."""
        self._console.print(text, highlight=False, soft_wrap=True, markup=False)

    def show(self, runs: tuple[Run, ...]) -> None:
        """Draw the runs as they are now."""
        self._live.update(Group(*(_picture(run) for run in runs)))


def _picture(run: Run) -> Table:
    colour = _COLOURS.get(run.state_type, "blue")
    done = sum(1 for step in run.steps if step.ended)
    expected = max(_STEPS.get(run.flow, 1), len(run.steps))
    now = next((step.name for step in reversed(run.steps) if not step.ended), "")
    table = Table.grid(padding=(0, 1))
    table.add_column(width=44)
    table.add_column(width=12)
    table.add_column(width=24)
    table.add_column()
    bar = ProgressBar(total=expected, completed=expected if run.is_over else done, width=24, complete_style=colour)
    told = _short(run.message) if run.is_over or run.is_waiting else now
    table.add_row(Text(f"{run.flow}: {run.name}"), Text(run.state, style=colour), bar, Text(told))
    return table


def _short(message: str) -> str:
    return message if len(message) <= 160 else message[:159] + "…"

"""What is true when the story is over: read from git, the registry's digests, Argo CD and Prefect, not remembered."""

import json
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

from rich.console import Console
from rich.text import Text

from deployments.demo.platform import Platform
from deployments.demo.stories import Story
from deployments.demo.timeline import Run, phase_seconds
from deployments.sandbox.world import APPLICATION, ENVIRONMENTS, EnvironmentFacts, World

# What would take its time under any orchestrator.
_WORK_UNTIL_STAGING = ("checks", "build", "push", "staging rollout", "staging post-deploy checks")


@dataclass(frozen=True, slots=True)
class Summary:
    """Field names as in the JSON file."""

    scenario: str
    problem: str | None
    commit: str
    image: str | None
    digest: str | None
    gates: dict[str, str]
    environments: dict[str, EnvironmentFacts]
    approval: str | None
    phases: dict[str, float]
    flow_runs: list[dict[str, str]]

    def write(self, file: Path) -> None:
        """Write it as JSON; raises OSError where the file cannot be written."""
        file.write_text(json.dumps(asdict(self), indent=2) + "\n")


def sum_up(
    story: Story, world: World, platform: Platform, commit: str, runs: tuple[Run, ...], pushed: float
) -> Summary:
    """Gather everything; `pushed` is when the push began, in seconds since 1970."""
    digest = world.find_digest(commit)
    return Summary(
        scenario=story.name,
        problem=story.mistake(runs),
        commit=commit,
        image=f"{APPLICATION}:{commit}" if digest else None,
        digest=digest,
        gates=world.read_gates(commit),
        environments={name: world.read_environment(name) for name in ENVIRONMENTS},
        approval=_approval(world, commit),
        phases=_phases(world, runs, pushed),
        flow_runs=[
            {"name": run.name, "flow": run.flow, "state": run.state, "message": run.message, "url": _url(platform, run)}
            for run in runs
        ],
    )


def show_summary(summary: Summary, console: Console) -> None:
    """Print it for a person; digests and links stay whole, however narrow the terminal."""
    console.print(f"\nScenario {summary.scenario}", style="bold")
    for label, value in _lines(summary):
        console.print(Text(f"  {label:<26}", style="bold") + Text(value), soft_wrap=True)


def _lines(summary: Summary) -> Iterator[tuple[str, str]]:
    yield "commit", summary.commit
    yield "image", summary.image or "none was built"
    yield "digest", summary.digest or "-"
    yield from summary.gates.items()
    for name, facts in summary.environments.items():
        yield name, f"{facts.health} at {facts.url}"
        yield "", f"runs {facts.digest}"
        yield "", f"desired state {facts.revision}"
    yield "approved by", summary.approval or "nobody"
    for name, seconds in summary.phases.items():
        yield name, f"{seconds:6.2f} s"
    for run in summary.flow_runs:
        yield run["flow"], f"{run['name']}: {run['state']}"
        yield "", run["message"]
        yield "", run["url"]


def _approval(world: World, commit: str) -> str | None:
    """As it stands in the commit to production; a commit that was never written there has none."""
    changes = world.read_changes("production")
    return next((change.approved_by for change in changes if change.source_commit == commit), None) or None


def _phases(world: World, runs: tuple[Run, ...], pushed: float) -> dict[str, float]:
    """Seconds; from the push on where the name says so."""
    phases = {"webhook answer": round(world.last_delivery().duration, 3)}
    first = min((step.started for run in runs for step in run.steps if step.started), default=None)
    if first:
        phases["push to first task"] = round(first.timestamp() - pushed, 2)
    phases |= phase_seconds(runs)
    staging = next((run.ended for run in runs if run.environment == "staging" and run.ended), None)
    if staging:
        phases["push to staging verified"] = round(staging.timestamp() - pushed, 2)
        work = sum(seconds for name, seconds in phases.items() if name in _WORK_UNTIL_STAGING)
        phases["of it orchestration"] = round(phases["push to staging verified"] - work, 2)
    ended = max((run.ended for run in runs if run.ended), key=datetime.timestamp, default=None)
    return phases | {"total": round((ended.timestamp() if ended else time.time()) - pushed, 2)}


def _url(platform: Platform, run: Run) -> str:
    return f"{platform.ui_url}/runs/flow-run/{run.run_id}"

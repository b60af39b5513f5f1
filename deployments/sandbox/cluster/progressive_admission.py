"""What is wrong with the strategy of an Argo Rollout. Its other half is admission, which asks."""

import re
from collections.abc import Iterator
from typing import Any

from deployments.sandbox.cluster.pod_admission import NOT_HERE
from deployments.sandbox.cluster.state import Object

_DURATION = re.compile(r"[0-9]+[smh]?")
_CANARY = {"steps", "maxSurge", "maxUnavailable"}
_BLUE_GREEN = {"activeService", "previewService", "autoPromotionEnabled", "scaleDownDelaySeconds"}


def strategy_faults(strategy: Object) -> Iterator[str]:
    """A field whose effect the cluster cannot give is refused, as elsewhere."""
    if len(strategy) != 1 or not strategy.keys() <= {"canary", "blueGreen"}:
        yield "spec.strategy: Required value: exactly one of canary and blueGreen"
        return
    (name, settings), known = next(iter(strategy.items())), _CANARY if "canary" in strategy else _BLUE_GREEN
    yield from (f"spec.strategy.{name}.{field}: {NOT_HERE}" for field in settings if field not in known)
    if name == "blueGreen" and not settings.get("activeService"):
        yield "spec.strategy.blueGreen.activeService: Required value"
    for index, step in enumerate(settings.get("steps") or []):
        yield from _step_faults(step, f"spec.strategy.canary.steps[{index}]")


def _step_faults(step: Any, path: str) -> Iterator[str]:
    match step:
        case {"setWeight": int(weight)} if len(step) == 1:
            if not 0 <= weight <= 100:
                yield f"{path}.setWeight: Invalid value: {weight}: must be between 0 and 100"
        case {"pause": {**pause}} if len(step) == 1:
            if "duration" in pause and not _DURATION.fullmatch(str(pause["duration"])):
                yield f"{path}.pause.duration: Invalid value: {pause['duration']}"
        case _:
            yield f"{path}: only setWeight and pause are supported by the sandbox's cluster"

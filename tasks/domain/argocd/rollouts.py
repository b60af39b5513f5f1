"""Reads Argo Rollouts from an Application and from their live objects.

https://argo-rollouts.readthedocs.io/en/stable/features/specification/
"""

import re
from datetime import datetime
from typing import Any

from tasks.domain.argocd.answers import Json, read_time
from tasks.domain.rollout.progressive import ProgressiveRollout

GROUP, VERSION, KIND = "argoproj.io", "v1alpha1", "Rollout"
_DURATION = re.compile(r"(\d+)([smh]?)")
_SECONDS = {"": 1, "s": 1, "m": 60, "h": 3600}


def find_rollouts(application: Json) -> tuple[dict[str, str], ...]:
    """The Argo Rollouts that an Application manages, each as Argo CD's endpoints for one resource want it named."""
    resources = (application.get("status") or {}).get("resources") or ()
    return tuple(
        resource_of(str(one.get("namespace") or ""), str(one.get("name")))
        for one in resources
        if (one.get("group"), one.get("kind")) == (GROUP, KIND)
    )


def resource_of(namespace: str, name: str) -> dict[str, str]:
    """One Argo Rollout, named for Argo CD's endpoints."""
    return {"namespace": namespace, "resourceName": name, "group": GROUP, "version": VERSION, "kind": KIND}


def read_rollout(manifest: Json) -> ProgressiveRollout:
    """The facts of a live object; what the controller has not written yet is empty."""
    metadata, spec, status = (_part(manifest, name) for name in ("metadata", "spec", "status"))
    strategy = _part(spec, "strategy")
    steps = _part(strategy, "canary").get("steps") or []
    step = int(status.get("currentStepIndex") or 0)
    reason, since = _pause(metadata, spec, status)
    return ProgressiveRollout(
        namespace=str(metadata.get("namespace") or ""),
        name=str(metadata.get("name")),
        template=str(status.get("currentPodHash") or ""),
        stable=str(status.get("stableRS") or ""),
        step=step,
        steps=len(steps),
        weight=_weight(steps, step),
        paused_for=reason,
        paused_at=since,
        pause_seconds=_ends_after(strategy, steps, step) if reason != "manually paused" else None,
    )


def _pause(metadata: Json, spec: Json, status: Json) -> tuple[str, datetime | None]:
    observed = status.get("observedGeneration")
    if observed is not None and str(observed) != str(metadata.get("generation", observed)):
        # The pause of the release before: the controller has not seen this one yet.
        return "", None
    conditions = status.get("pauseConditions") or []
    if conditions:
        return str(conditions[0].get("reason") or "paused"), read_time(conditions[0].get("startTime"))
    return ("manually paused", None) if spec.get("paused") else ("", None)


def _weight(steps: list[Any], step: int) -> int | None:
    weights = [one["setWeight"] for one in steps[: step + 1] if isinstance(one.get("setWeight"), int)]
    return int(weights[-1]) if weights else None


def _ends_after(strategy: Json, steps: list[Any], step: int) -> float | None:
    """After how many seconds the pause ends by itself; None where it does not."""
    if "blueGreen" in strategy:
        seconds = _part(strategy, "blueGreen").get("autoPromotionSeconds")
        return float(seconds) if seconds else None
    pause = _part(steps[step], "pause") if step < len(steps) else {}
    found = _DURATION.fullmatch(str(pause.get("duration", "")))
    return float(found[1]) * _SECONDS[found[2]] if found else None


def _part(value: Any, name: str) -> Json:
    part = value.get(name) if isinstance(value, dict) else None
    return part if isinstance(part, dict) else {}

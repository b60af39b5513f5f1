"""What the controller remembers of each Application beside what it writes into it."""

import threading
import time
from dataclasses import dataclass, field

from deployments.sandbox.argocd.comparison import Comparison
from deployments.sandbox.argocd.health import Health, application_health, health_of
from deployments.sandbox.argocd.parts import Parts
from deployments.sandbox.argocd.resources import Document, ResourceKey
from deployments.sandbox.argocd.store import ApplicationName
from deployments.sandbox.argocd.tree import Tree, grow_tree


@dataclass(slots=True)
class Observation:
    """The last comparison and the last look at the live state; times are those of the monotonic clock."""

    comparison: Comparison | None = None
    tree: Tree = field(default_factory=Tree)
    health: dict[ResourceKey, Health] = field(default_factory=dict)
    next_poll: float = 0.0
    operation_ended: float | None = None
    compared_well: float | None = None
    writing: threading.RLock = field(default_factory=threading.RLock)
    """Held from looking to writing, so that an older look never overwrites a newer one."""

    def since(self, moment: float | None) -> float:
        """The seconds since one of the times; without end where there was none."""
        return float("inf") if moment is None else time.monotonic() - moment


Observations = dict[ApplicationName, Observation]


def look(application: Document, observation: Observation, parts: Parts) -> tuple[Health, float | None]:
    """Look at the live state, remember it, and say the health and in how many seconds it may read otherwise."""
    resources = observation.comparison.resources if observation.comparison else ()
    observation.tree = grow_tree(resources, parts.cluster)
    each = {resource.key: health_of(resource.live) if resource.live else Health("Missing") for resource in resources}
    observation.health = {key: health for key, health in each.items() if health}
    faults = parts.faults_of(application)
    if faults.degraded:
        return Health("Degraded"), None
    if faults.flapping:
        turn, into = divmod(time.monotonic(), faults.flapping)
        return Health("Degraded") if turn % 2 else application_health(resources), faults.flapping - into
    before = Health((application["status"].get("health") or {}).get("status", "Healthy"))
    if faults.health_lag and "operation" in application:
        return before, None
    since = observation.since(observation.operation_ended)
    for seconds, health in ((faults.health_lag, before), (faults.degraded_flap, Health("Degraded"))):
        if since < seconds:
            return health, seconds - since
    return application_health(resources), None

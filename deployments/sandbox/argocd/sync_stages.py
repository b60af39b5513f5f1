"""One attempt of an operation, stage by stage: hooks before it, what is applied, hooks during and after it."""

from collections.abc import Callable
from dataclasses import dataclass, field

from deployments.sandbox.argocd.applying import apply_all, failed_result
from deployments.sandbox.argocd.cluster import Cluster
from deployments.sandbox.argocd.comparison import Comparison, ManagedResource
from deployments.sandbox.argocd.health import health_of
from deployments.sandbox.argocd.hooks import PHASES, HookRun, hooks_of, look_at_hook, start_hook
from deployments.sandbox.argocd.resources import Document, annotations_of

_OPTIONS, _APPROVED = "argocd.argoproj.io/sync-options", "argocd.argoproj.io/deletion-approved"
_UNSUCCESSFUL = "one or more synchronization tasks completed unsuccessfully"


@dataclass(frozen=True, slots=True)
class Waiting:
    """The attempt goes on; the operation's message says what it waits for."""

    message: str


@dataclass(frozen=True, slots=True)
class Ended:
    """The attempt is over: Succeeded or Failed."""

    phase: str
    message: str


@dataclass(slots=True)
class Attempt:
    """How far an attempt has come; `results` are the resources of its syncResult so far."""

    stage: int = 0
    is_applied: bool = False
    started: set[str] = field(default_factory=set)
    applied: list[Document] = field(default_factory=list)
    hooks: dict[tuple[str, str], Document] = field(default_factory=dict)

    @property
    def results(self) -> list[Document]:
        """What became of each resource and hook, in the order of the phases."""
        before = [result for (phase, _), result in self.hooks.items() if phase == "PreSync"]
        after = [result for (phase, _), result in self.hooks.items() if phase != "PreSync"]
        return [*before, *self.applied, *after]

    def advance(
        self, application: Document, compare_now: Callable[[], Comparison], cluster: Cluster, refusal: str | None
    ) -> Waiting | Ended:
        """Go on as far as nothing has to be waited for; `refusal` is what the cluster says to everything, if so."""
        sync = application["operation"]["sync"]
        runs_hooks = "apply" not in (sync.get("syncStrategy") or {}) and not sync.get("resources")
        while self.stage < len(PHASES):
            comparison, phase = compare_now(), PHASES[self.stage]
            if phase == "Sync" and (stop := self._apply(application, comparison, cluster, refusal)):
                return stop
            hooks = hooks_of(comparison.desired.hooks, phase) if runs_hooks else []
            if hooks and phase == "PostSync" and (unhealthy := _unhealthy(comparison)):
                return Waiting(f"waiting for healthy state of {unhealthy[0]}" + _more(unhealthy, "resources"))
            if stop := self._run(hooks, phase, cluster):
                return stop
            self.stage += 1
        return Ended("Succeeded", f"successfully synced ({'all tasks run' if self.results else 'no more tasks'})")

    def _apply(
        self, application: Document, comparison: Comparison, cluster: Cluster, refusal: str | None
    ) -> Waiting | Ended | None:
        if self.is_applied:
            return None
        sync = application["operation"]["sync"]
        unconfirmed = [] if annotations_of(application).get(_APPROVED) else _to_confirm(comparison)
        if sync.get("prune") and unconfirmed:
            return Waiting(f"waiting for pruning confirmation of {unconfirmed[0]}" + _more(unconfirmed, "resources"))
        if refusal is not None:
            self.applied = [failed_result(one, refusal) for one in comparison.resources if not one.is_synced]
        else:
            self.applied = apply_all(comparison, cluster, sync)
        self.is_applied = True
        refused = [one["message"] for one in self.applied if one["status"] == "SyncFailed"]
        return Ended("Failed", f"one or more objects failed to apply, reason: {refused[0]}") if refused else None

    def _run(self, hooks: list[Document], phase: str, cluster: Cluster) -> Waiting | Ended | None:
        if phase not in self.started:
            self.started.add(phase)
            try:
                for hook in hooks:
                    start_hook(hook, cluster)
            except (ValueError, OSError) as error:
                return Ended("Failed", f"one or more objects failed to apply, reason: {error}")
        runs = [look_at_hook(hook, phase, cluster) for hook in hooks]
        self.hooks |= {(phase, run.name): run.result for run in runs}
        if failed := [run for run in runs if run.phase == "Failed"]:
            return Ended("Failed", f"{_UNSUCCESSFUL}, reason: {failed[0].result['message']}")
        return _waiting_for([run for run in runs if run.phase == "Running"])


def _waiting_for(running: list[HookRun]) -> Waiting | None:
    if not running:
        return None
    return Waiting(f"waiting for completion of hook {running[0].name}" + _more([r.name for r in running], "hooks"))


def _unhealthy(comparison: Comparison) -> list[str]:
    return [_name(one) for one in comparison.resources if one.target is not None and not _is_healthy(one)]


def _is_healthy(resource: ManagedResource) -> bool:
    health = health_of(resource.live) if resource.live else None
    return resource.live is not None and (health is None or health.status == "Healthy")


def _to_confirm(comparison: Comparison) -> list[str]:
    marked = [one for one in comparison.resources if one.requires_pruning and one.live]
    return [_name(one) for one in marked if "Prune=confirm" in annotations_of(one.live or {}).get(_OPTIONS, "")]


def _name(resource: ManagedResource) -> str:
    return "/".join(filter(None, (resource.key.group, resource.key.kind, resource.key.name)))


def _more(names: list[str], what: str) -> str:
    return f" and {len(names) - 1} more {what}" if len(names) > 1 else ""

"""Argo CD's health rules for the kinds that the sandbox runs, and the health of an application from them.

The rules are those of gitops-engine's pkg/health, told again in our own words.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from deployments.sandbox.argocd.comparison import ManagedResource
from deployments.sandbox.argocd.resources import Document, annotations_of

# From best to worst; the worst one is the application's.
_ORDER = ("Healthy", "Suspended", "Progressing", "Missing", "Degraded", "Unknown")
_IGNORE = "argocd.argoproj.io/ignore-healthcheck"


@dataclass(frozen=True, slots=True)
class Health:
    """One of Argo CD's six words, and why."""

    status: str
    message: str = ""

    def document(self) -> dict[str, str]:
        """As Argo CD's JSON tells it."""
        return {"status": self.status} | ({"message": self.message} if self.message else {})


def health_of(live: Document) -> Health | None:
    """The health of a live object; None for kinds without a rule."""
    rule = _RULES.get(live["kind"])
    return rule(live) if rule else None


def application_health(resources: Iterable[ManagedResource]) -> Health:
    """The worst of the managed resources; one that is missing counts only where all are (since 3.4)."""
    managed = [resource for resource in resources if not _is_ignored(resource)]
    if managed and all(resource.live is None for resource in managed):
        return Health("Missing")
    known = [health for resource in managed if resource.live and (health := health_of(resource.live))]
    return Health(max((health.status for health in known), key=_ORDER.index, default="Healthy"))


def _is_ignored(resource: ManagedResource) -> bool:
    return annotations_of(resource.live or resource.target or {}).get(_IGNORE) == "true"


def _deployment(live: Document) -> Health:
    spec, status, name = live.get("spec", {}), live.get("status", {}), live["metadata"]["name"]
    if spec.get("paused"):
        return Health("Suspended", "Deployment is paused")
    if live["metadata"].get("generation", 0) > status.get("observedGeneration", 0):
        return _waiting("observed deployment generation less than desired generation")
    if any(condition.get("reason") == "ProgressDeadlineExceeded" for condition in status.get("conditions") or []):
        return Health("Degraded", f'Deployment "{name}" exceeded its progress deadline')
    wanted, updated = spec.get("replicas", 1), status.get("updatedReplicas", 0)
    if updated < wanted:
        return _waiting(f"{updated} out of {wanted} new replicas have been updated...")
    if status.get("replicas", 0) > updated:
        return _waiting(f"{status['replicas'] - updated} old replicas are pending termination...")
    if status.get("availableReplicas", 0) < updated:
        return _waiting(f"{status.get('availableReplicas', 0)} of {updated} updated replicas are available...")
    return Health("Healthy")


def _replica_set(live: Document) -> Health:
    status = live.get("status", {})
    if live["metadata"].get("generation", 0) > status.get("observedGeneration", 0):
        return _waiting("observed replica set generation less than desired generation")
    for condition in status.get("conditions") or []:
        if condition.get("type") == "ReplicaFailure" and condition.get("status") == "True":
            return Health("Degraded", condition.get("message", ""))
    wanted, available = live.get("spec", {}).get("replicas", 1), status.get("availableReplicas", 0)
    if available < wanted:
        return _waiting(f"{available} out of {wanted} new replicas are available...")
    return Health("Healthy")


def _pod(live: Document) -> Health:
    status = live.get("status", {})
    containers = status.get("containerStatuses") or []
    restarts_always = live.get("spec", {}).get("restartPolicy", "Always") == "Always"
    stuck = [_waiting_state(container) for container in containers if _is_stuck(container)]
    if restarts_always and stuck:
        return Health("Degraded", ", ".join(state.get("message") or state["reason"] for state in stuck))
    match status.get("phase"):
        case "Succeeded":
            return Health("Healthy", status.get("message", ""))
        case "Failed":
            return Health("Degraded", status.get("message") or status.get("reason", ""))
        case "Running" if restarts_always:
            return _running_pod(status, containers)
    return Health("Progressing", status.get("message", ""))


def _running_pod(status: Document, containers: list[Document]) -> Health:
    ready = any(c.get("type") == "Ready" and c.get("status") == "True" for c in status.get("conditions") or [])
    if ready:
        return Health("Healthy", status.get("message", ""))
    if any((container.get("lastState") or {}).get("terminated") for container in containers):
        return Health("Degraded", status.get("message", ""))
    return Health("Progressing", status.get("message", ""))


def _service(live: Document) -> Health:
    if live.get("spec", {}).get("type") != "LoadBalancer":
        return Health("Healthy")
    given = ((live.get("status") or {}).get("loadBalancer") or {}).get("ingress")
    return Health("Healthy" if given else "Progressing")


def _waiting(what: str) -> Health:
    return Health("Progressing", f"Waiting for rollout to finish: {what}")


def _waiting_state(container: Document) -> Document:
    return (container.get("state") or {}).get("waiting") or {}


def _is_stuck(container: Document) -> bool:
    reason = _waiting_state(container).get("reason") or ""
    return reason.startswith("Err") or reason.endswith(("Error", "BackOff"))


def _rollout(live: Document) -> Health:
    """The health check that Argo CD brings along for Argo Rollouts: the controller's phase under Argo CD's name."""
    status = live.get("status") or {}
    if status.get("observedGeneration") != str(live["metadata"].get("generation", 0)) or not status.get("phase"):
        return Health("Progressing", "Waiting for rollout spec update to be observed")
    phase = "Suspended" if status["phase"] == "Paused" else status["phase"]
    return Health(phase, status.get("message", ""))


_RULES = {"Deployment": _deployment, "Pod": _pod, "ReplicaSet": _replica_set, "Rollout": _rollout, "Service": _service}

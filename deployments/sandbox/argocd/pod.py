"""The lines that Argo CD's tree shows beside a Pod."""

from deployments.sandbox.argocd.resources import Document


def pod_info(pod: Document) -> dict[str, str]:
    """Status Reason, Node, Containers and Restart Count, in this order; the last two only where they say something."""
    status, spec = pod.get("status") or {}, pod.get("spec") or {}
    containers = status.get("containerStatuses") or []
    info = {"Status Reason": _reason(pod)}
    if spec.get("nodeName"):
        info["Node"] = spec["nodeName"]
    ready = sum(1 for container in containers if container.get("ready"))
    info["Containers"] = f"{ready}/{len(spec.get('containers') or containers)}"
    if restarts := sum(container.get("restartCount", 0) for container in containers):
        info["Restart Count"] = str(restarts)
    return info


def _reason(pod: Document) -> str:
    """As kubectl prints it: the first init container that is not done, else the last container with a reason."""
    if pod["metadata"].get("deletionTimestamp"):
        return "Terminating"
    status = pod.get("status") or {}
    for container in status.get("initContainerStatuses") or []:
        if reason := _state_reason(container):
            return f"Init:{reason}"
    reasons = [_state_reason(container) for container in status.get("containerStatuses") or []]
    return next(filter(None, reasons), None) or status.get("reason") or status.get("phase") or "Unknown"


def _state_reason(container: Document) -> str:
    state = container.get("state") or {}
    if waiting := state.get("waiting"):
        return str(waiting.get("reason") or "")
    terminated = state.get("terminated") or {}
    if not terminated or terminated.get("exitCode", 0) == 0:
        return ""
    return str(terminated.get("reason") or f"ExitCode:{terminated['exitCode']}")

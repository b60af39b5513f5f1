"""Resource actions: what Argo CD offers for an Argo Rollout, and what each does to the live object.

https://argo-cd.readthedocs.io/en/stable/operator-manual/resource_actions_builtin/
"""

from collections.abc import Callable
from typing import Any

from starlette.responses import PlainTextResponse, Response

from deployments.sandbox.argocd.call import Call
from deployments.sandbox.argocd.clock import timestamp
from deployments.sandbox.argocd.errors import invalid_argument, unknown
from deployments.sandbox.argocd.resources import Document
from deployments.sandbox.argocd.store import name_of

_ROLLOUT = ("argoproj.io", "Rollout")
_PARTS = ("group", "kind", "namespace", "name")


def list_actions(call: Call) -> dict[str, Any]:
    """The actions for one resource, those that mean nothing at the moment marked as disabled."""
    live = _live(call, call.application())
    if (call.argument("group"), call.argument("kind")) != _ROLLOUT:
        return {}
    status = live.get("status") or {}
    is_off = {
        "restart": False,
        "resume": not (status.get("pauseConditions") or live["spec"].get("paused")),
        "abort": bool(status.get("abort")) or _is_promoted(status),
        "retry": not status.get("abort"),
        "pause": bool(live["spec"].get("paused")),
        "promote-full": _is_promoted(status),
        "skip-current-step": _is_promoted(status),
    }
    return {"actions": [{"name": name} | ({"disabled": True} if off else {}) for name, off in is_off.items()]}


def run_v2(call: Call) -> dict[str, Any] | Response:
    """Run one action, asked for in the form that came with 3.1."""
    return PlainTextResponse("Not Found\n", 404) if call.state.faults.lacks_actions_v2 else run(call)


def run(call: Call) -> dict[str, Any]:
    """Run one action; each is a right of its own. It is done when this returns, what it leads to is not."""
    group, kind, action = (call.argument(part) for part in ("group", "kind", "action"))
    application = call.application(f"action/{group}/{kind}/{action}")
    live = _live(call, application)
    edit = _EDITS.get(action) if (group, kind) == _ROLLOUT else None
    if edit is None:
        raise unknown(f"error getting Lua resource action: built-in actions script does not exist: {action}")
    metadata = live["metadata"]
    call.state.parts.cluster.change(kind, metadata["namespace"], metadata["name"], edit)
    return {}


def _live(call: Call, application: Document) -> Document:
    wanted = tuple(call.argument(part) for part in ("group", "kind", "namespace", "resourceName"))
    nodes = call.state.observation(name_of(application)).tree.nodes
    found = None
    if wanted in {tuple(node.get(part, "") for part in _PARTS) for node in nodes}:
        found = call.state.parts.cluster.get(wanted[1], wanted[2], wanted[3])
    if found is None:
        place, name = " ".join((wanted[1], wanted[0], wanted[3])), application["metadata"]["name"]
        raise invalid_argument(f"{place} not found as part of application {name}")
    return found


def _is_promoted(status: Document) -> bool:
    return bool(status.get("stableRS")) and status.get("stableRS") == status.get("currentPodHash")


def _resume(live: Document) -> None:
    _status(live).pop("pauseConditions", None)
    if live["spec"].get("paused"):
        live["spec"]["paused"] = False


def _promote_full(live: Document) -> None:
    if not _is_promoted(_status(live)):
        live["status"]["promoteFull"] = True


def _abort(live: Document) -> None:
    _status(live)["abort"] = True


def _retry(live: Document) -> None:
    _status(live).pop("abort", None)


def _restart(live: Document) -> None:
    live["spec"]["restartAt"] = timestamp()


def _pause(live: Document) -> None:
    live["spec"]["paused"] = True


def _skip(live: Document) -> None:
    status = _status(live)
    status["currentStepIndex"] = min(status.get("currentStepIndex", 0) + 1, _steps(live))
    status.pop("pauseConditions", None)


def _steps(live: Document) -> int:
    return len((live["spec"]["strategy"].get("canary") or {}).get("steps") or [])


def _status(live: Document) -> Document:
    status: Document = live.setdefault("status", {})
    return status


_EDITS: dict[str, Callable[[Document], None]] = {
    "resume": _resume,
    "promote-full": _promote_full,
    "abort": _abort,
    "retry": _retry,
    "restart": _restart,
    "pause": _pause,
    "skip-current-step": _skip,
}

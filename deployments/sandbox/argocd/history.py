"""What an Application remembers of its syncs."""

from deployments.sandbox.argocd.resources import Document

_LIMIT = 10


def add_to_history(application: Document) -> None:
    """Append the operation that has just ended, if it was successful, of everything and no dry run."""
    state = application["status"]["operationState"]
    operation, result = state["operation"], state.get("syncResult") or {}
    if state["phase"] != "Succeeded" or operation["sync"].get("dryRun") or operation["sync"].get("resources"):
        return
    history = application["status"].setdefault("history", [])
    entry = {name: result[name] for name in ("revision", "revisions", "source", "sources") if name in result}
    entry |= {"deployedAt": state["finishedAt"], "id": history[-1]["id"] + 1 if history else 0}
    entry |= {"deployStartedAt": state["startedAt"], "initiatedBy": operation.get("initiatedBy") or {}}
    history.append(entry)
    del history[: -application["spec"].get("revisionHistoryLimit", _LIMIT)]

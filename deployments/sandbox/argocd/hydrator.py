"""The source hydrator: renders a dry commit and pushes the manifests to the branch that is synced.

https://argo-cd.readthedocs.io/en/stable/user-guide/source-hydrator/
"""

import json
from typing import Any

from deployments.sandbox.argocd.clock import timestamp
from deployments.sandbox.argocd.render import RenderError
from deployments.sandbox.argocd.repository import Repositories, RepositoryError
from deployments.sandbox.argocd.resources import Document
from deployments.sandbox.argocd.source import render_source
from deployments.sandbox.argocd.store import ApplicationName, ApplicationStore


def hydrate(store: ApplicationStore, key: ApplicationName, repositories: Repositories, failure: str | None) -> bool:
    """Hydrate what is new in the dry source; whether something was pushed, so that it is compared soon.

    `failure` is what the commit server says instead, if so. Raises RepositoryError where the dry source cannot be read.
    """
    application = store.get(key)
    if application is None:
        return False
    hydrator = application["spec"]["sourceHydrator"]
    dry = repositories.resolve(hydrator["drySource"]["repoURL"], hydrator["drySource"].get("targetRevision") or "")
    told = application["status"].get("sourceHydrator") or {}
    done = (told.get("lastSuccessfulOperation") or {}).get("drySHA")
    is_failed = (told.get("currentOperation") or {}).get("phase") == "Failed"
    if done == dry and not is_failed:
        _write(store, key, {"lastComparedDryRevision": dry})
        return False
    started = {"startedAt": timestamp(), "drySHA": dry, "sourceHydrator": hydrator}
    hydrating = started | {"phase": "Hydrating", "message": "Hydration is in progress"}
    _write(store, key, {"lastComparedDryRevision": dry, "currentOperation": hydrating})
    try:
        if failure is not None:
            raise RepositoryError(failure)
        hydrated = _push(application, repositories, dry)
    except (RepositoryError, RenderError, ValueError) as error:
        ended = {"finishedAt": timestamp(), "phase": "Failed", "message": f"failed to hydrate app: {error}"}
        _write(store, key, {"currentOperation": started | ended})
        return False
    ended = {"finishedAt": timestamp(), "phase": "Hydrated", "message": "", "hydratedSHA": hydrated}
    successful = {"drySHA": dry, "hydratedSHA": hydrated, "sourceHydrator": hydrator}
    _write(store, key, {"currentOperation": started | ended, "lastSuccessfulOperation": successful})
    return True


def _push(application: Document, repositories: Repositories, dry: str) -> str:
    """The hydrated commit on the branch; the one that is there already where nothing is different."""
    hydrator = application["spec"]["sourceHydrator"]
    source, sync = hydrator["drySource"], hydrator["syncSource"]
    plain = {**application, "spec": {**application["spec"], "source": source}}
    del plain["spec"]["sourceHydrator"]
    _, manifests = render_source(repositories, plain, [dry], 0)
    text = "---\n".join(f"{json.dumps(manifest, indent=2)}\n" for manifest in manifests)
    metadata = json.dumps({"repoURL": source["repoURL"], "drySha": dry}) + "\n"
    branch = (hydrator.get("hydrateTo") or sync)["targetBranch"]
    return repositories.commit_manifests(
        source["repoURL"],
        branch,
        {f"{sync['path']}/manifest.yaml": text},
        {"hydrator.metadata": metadata},
        f"hydrate {dry}",
    )


def _write(store: ApplicationStore, key: ApplicationName, parts: dict[str, Any]) -> None:
    store.update(key, lambda document: document["status"].setdefault("sourceHydrator", {}).update(parts))

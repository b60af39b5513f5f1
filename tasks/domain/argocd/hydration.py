"""Reads what Argo CD's source hydrator did: which dry commit, ours, became which hydrated one, which is what it syncs.

https://argo-cd.readthedocs.io/en/stable/user-guide/source-hydrator/. That our change is in what is synced is seen by
its image, for a hydrated commit may go through a pull request and be another one then.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from tasks.domain.rollout.facts import Condition

_HYDRATED, _FAILED = "Hydrated", "Failed"


@dataclass(frozen=True, slots=True)
class Hydration:
    """`dry` is the last commit of the dry source that is hydrated, `dry_of` the dry commit of each hydrated one.

    `failure` is why the newest one could not be hydrated; `note` is what is still to happen, as a half sentence.
    """

    dry: str | None
    dry_of: Mapping[str, str]
    failure: Condition | None = None
    note: str = ""


def read_hydration(application: Mapping[str, Any]) -> Hydration | None:
    """None where the application has no source hydrator."""
    spec, status = application.get("spec") or {}, application.get("status") or {}
    if not spec.get("sourceHydrator"):
        return None
    told = status.get("sourceHydrator") or {}
    current, last = told.get("currentOperation") or {}, told.get("lastSuccessfulOperation") or {}
    done = [operation for operation in (last, current) if operation is last or current.get("phase") == _HYDRATED]
    dry = next((operation["drySHA"] for operation in reversed(done) if operation.get("drySHA")), None)
    # A commit that changes nothing in what is rendered is compared, but not hydrated again (since 3.5).
    if dry and current.get("phase") in {None, _HYDRATED}:
        dry = told.get("lastComparedDryRevision") or dry
    dry_of = {one["hydratedSHA"]: one["drySHA"] for one in done if one.get("hydratedSHA") and one.get("drySHA")}
    return Hydration(dry, dry_of, _failure(current), _note(spec["sourceHydrator"], current, status, dry_of))


def _failure(current: Mapping[str, Any]) -> Condition | None:
    if current.get("phase") != _FAILED:
        return None
    since = current.get("finishedAt") or current.get("startedAt")
    return Condition(
        "HydrationError",
        f"{current.get('message') or 'no message'}",
        datetime.fromisoformat(since) if since else None,
    )


def _note(
    hydrator: Mapping[str, Any], current: Mapping[str, Any], status: Mapping[str, Any], dry_of: Mapping[str, str]
) -> str:
    if current.get("phase") not in {None, _HYDRATED, _FAILED}:
        return f"it hydrates {str(current.get('drySHA'))[:7]} now"
    staging = (hydrator.get("hydrateTo") or {}).get("targetBranch")
    branch = (hydrator.get("syncSource") or {}).get("targetBranch")
    if staging and staging != branch and (status.get("sync") or {}).get("revision") not in dry_of:
        return f"it hydrates to branch {staging}, and something has to bring that to {branch}"
    return ""

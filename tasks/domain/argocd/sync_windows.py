"""Reads what Argo CD says about the sync windows of one application.

Which are for it and whether they let a sync through stands in GET applications/NAME/syncwindows, their time zones only
in GET projects/NAME, which is a right of its own.
"""

from tasks.domain.argocd.answers import Json
from tasks.domain.rollout.sync_window import SyncWindow

_UTC = "UTC"


def read_window_blocks(windows: Json, *, auto_sync: bool) -> bool:
    """Whether sync windows keep a sync back; `canSync` is about syncs by hand only."""
    if not auto_sync:
        return windows.get("canSync") is False
    active = {window.get("kind") for window in windows.get("activeWindows") or ()}
    assigned = {window.get("kind") for window in windows.get("assignedWindows") or ()}
    return "deny" in active or ("allow" in assigned and "allow" not in active)


def read_sync_windows(windows: Json, project: Json) -> tuple[SyncWindow, ...]:
    """Those that are for the application; `project` is empty where it may not be read."""
    declared = (project.get("spec") or {}).get("syncWindows") or []
    return tuple(_window(told, declared) for told in windows.get("assignedWindows") or ())


def _window(told: Json, declared: list[Json]) -> SyncWindow:
    same = [one for one in declared if _times(one) == _times(told)]
    zones = {one.get("timeZone") or _UTC for one in same}
    # Two that differ in nothing but the zone cannot be told apart.
    zone = str(zones.pop()) if len(zones) == 1 else None
    return SyncWindow(
        kind="deny" if told.get("kind") == "deny" else "allow",
        schedule=str(told.get("schedule") or ""),
        duration=str(told.get("duration") or ""),
        by_hand=bool(told.get("manualSync")),
        zone=zone,
        description=str(same[0].get("description") or "") if len(same) == 1 else "",
    )


def _times(window: Json) -> tuple[object, ...]:
    return (*(window.get(name) for name in ("kind", "schedule", "duration")), bool(window.get("manualSync")))

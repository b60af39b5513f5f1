"""An Application that another one applies, with the image in its own manifest: an app of apps.

Its source does not change with our commit. The parent's does: it shows whether Argo CD has seen our commit, and the
child what became of it.
"""

from dataclasses import replace
from datetime import datetime, timedelta

from tasks.domain.errors import ConfigurationError
from tasks.domain.rollout.facts import ApplicationStatus, Sync

# Clocks differ, and Argo CD's times are whole seconds.
_SKEW = timedelta(seconds=5)


def seen_through(parent: ApplicationStatus, child: ApplicationStatus, name: str, since: datetime) -> ApplicationStatus:
    """The child as our commit in the parent's repository makes it; `name` is the parent's, `since` the push's time.

    A sync of the child since the push counts as that of our commit, and what is wrong with the parent as the child's.
    """
    said = f"its parent {name}"
    errors = tuple(replace(c, message=f"{said}: {c.message}") for c in parent.conditions if c.is_render_error)
    operation = child.operation
    if operation and operation.started_at and operation.started_at >= since - _SKEW:
        operation = replace(operation, revision=parent.revision)
    elif operation:
        operation = replace(operation, revision=None)
    if parent.operation and parent.operation.has_failed and parent.operation.revision == parent.revision:
        # Until it is repaired nothing new reaches the child.
        operation = replace(parent.operation, message=f"{said}: {parent.operation.message}")
    note = "" if parent.sync is Sync.SYNCED else f"{said} is {parent.sync}"
    return replace(
        child,
        revision=parent.revision,
        operation=operation,
        conditions=(*errors, *child.conditions),
        note=note,
        position=None,
        syncs_head=True,
    )


def refuse_idle_parent(parent: ApplicationStatus, name: str) -> None:
    """Raise ConfigurationError where nobody would apply the child's manifest."""
    if not parent.auto_sync:
        raise ConfigurationError(
            f"Argo CD application {name}, which applies the environment's Application, does not sync by itself; "
            "switch auto-sync on"
        )

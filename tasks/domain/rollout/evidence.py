"""What one look showed, in lines that a person can check against Argo CD."""

from datetime import UTC, datetime

from tasks.domain.image import ImageReference
from tasks.domain.rollout.facts import ApplicationStatus, Observation, Operation, Workloads
from tasks.domain.rollout.images import old_pods, others, our_pods

_MOST_OUT_OF_SYNC = 10


def describe(image: ImageReference, look: Observation) -> tuple[str, ...]:
    """Revision, sync, health, operation, what is wrong, images and pods, in this order; what is absent is left out."""
    status = look.status
    lines = [_revision(status), f"{status.health}{_since(status.health_since)}"]
    if status.operation:
        lines += _operation(status.operation)
    lines += [f"{c.type}{_since(c.since)}: {c.message}" for c in status.conditions]
    lines += status.unhealthy
    left = status.out_of_sync[:_MOST_OUT_OF_SYNC]
    lines += [f"{one.name} is OutOfSync{', to be pruned' if one.to_prune else ''}" for one in left]
    return (*lines, *(_workloads(image, look.workloads) if look.workloads else ()))


def _revision(status: ApplicationStatus) -> str:
    compared = f", compared {_at(status.reconciled_at)}" if status.reconciled_at else ""
    return f"{status.sync} at {status.revision or 'no commit'}{compared}"


def _operation(operation: Operation) -> list[str]:
    times = f", started {_at(operation.started_at)}" if operation.started_at else ""
    times += f", ended {_at(operation.finished_at)}" if operation.finished_at and operation.is_over else ""
    tried = f", tried again {operation.retries} times" if operation.retries else ""
    revision = operation.revision[:7] if operation.revision else "no commit"
    line = f"sync of {revision}: {operation.phase}{times}{tried}"
    return [f"{line}: {operation.message}" if operation.message else line, *operation.failures]


def _workloads(image: ImageReference, workloads: Workloads) -> list[str]:
    lines = []
    for name, images in workloads.images_of:
        ours = [str(one) for one in images if one.digest == image.digest or one in others(images, image)]
        lines += [f"{name} is rendered with {', '.join(ours)}"] if ours else []
    for pod in our_pods(workloads, image):
        said = f" ({pod.message})" if pod.message else ""
        lines.append(f"pod {pod.name}: {pod.reason}, {pod.restarts} restarts{said}")
    return lines + [f"pod {pod.name} runs another image" for pod in old_pods(workloads, image)]


def _since(moment: datetime | None) -> str:
    return f" since {_at(moment)}" if moment else ""


def _at(moment: datetime | None) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC" if moment else ""

"""What was seen of a rollout, in lines that a person can check against Argo CD."""

from collections.abc import Callable
from datetime import UTC, datetime

from tasks.domain.image import ImageReference
from tasks.domain.rollout.conditions import is_applied
from tasks.domain.rollout.facts import ApplicationStatus, Expectation, Health, Observation, Operation, Workloads
from tasks.domain.rollout.images import old_pods, others, our_pods

_MOST_OUT_OF_SYNC = 10


def describe(expectation: Expectation, looks: tuple[Observation, ...]) -> tuple[str, ...]:
    """Revision, sync, health, operation, what is wrong, images and pods of the last look, and when each step was seen.

    In this order; what is absent is left out. `looks` are oldest first, at least one.
    """
    look = looks[-1]
    status = look.status
    lines = [_revision(status), f"{status.health}{_since(status.health_since)}"]
    if status.operation:
        lines += _operation(status.operation)
    lines += [f"{c.type}{_since(c.since)}: {c.message}" for c in status.conditions]
    lines += status.unhealthy
    left = status.out_of_sync[:_MOST_OUT_OF_SYNC]
    lines += [f"{one.name} is OutOfSync{', to be pruned' if one.to_prune else ''}" for one in left]
    lines += _workloads(expectation.image, look.workloads) if look.workloads else []
    return (*lines, _steps(expectation, looks))


def _steps(expectation: Expectation, looks: tuple[Observation, ...]) -> str:
    def seconds(holds: Callable[[Observation], bool]) -> float | None:
        first = next((look for look in looks if holds(look)), None)
        return (first.at - expectation.pushed_at).total_seconds() if first else None

    def is_healthy(look: Observation) -> bool:
        return is_applied(expectation, look) and look.status.health is Health.HEALTHY

    steps = {
        "seen": seconds(lambda look: look.contains is True),
        "applied": seconds(lambda look: is_applied(expectation, look)),
        "healthy": seconds(is_healthy),
    }
    told = [f"{step} after {when:.0f} s" for step, when in steps.items() if when is not None]
    return f"{len(looks)} looks; since the push: {', '.join(told) or 'not even seen'}"


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
        ours = [_short(one) for one in images if one.digest == image.digest or one in others(images, image)]
        lines += [f"{name} is rendered with {', '.join(ours)}"] if ours else []
    for pod in our_pods(workloads, image):
        said = f" ({pod.message})" if pod.message else ""
        lines.append(f"pod {pod.name}: {pod.reason}, {pod.restarts} restarts{said}")
    return lines + [f"pod {pod.name} runs another image" for pod in old_pods(workloads, image)]


def _short(image: ImageReference) -> str:
    # A whole digest is one word, which no page breaks.
    return f"{image.repository} {image.short_digest}" if image.digest else str(image)


def _since(moment: datetime | None) -> str:
    return f" since {_at(moment)}" if moment else ""


def _at(moment: datetime | None) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC" if moment else ""

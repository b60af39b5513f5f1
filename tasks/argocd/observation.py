"""One look at an application of Argo CD, with what git says about the commit that it shows."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import TypeVar

from tasks.argocd.api import ApplicationApi
from tasks.domain.argocd.answers import read_status
from tasks.domain.argocd.parent import seen_through
from tasks.domain.argocd.source import find_source
from tasks.domain.errors import InvalidManifest
from tasks.domain.image import ImageReference
from tasks.domain.rollout.decision import Refresh
from tasks.domain.rollout.facts import ApplicationStatus, Expectation, Observation, Sync, Workloads
from tasks.domain.rollout.images import our_pods

Contains = Callable[[str, str], bool | None]
"""Whether the first commit is the second or in its history; None, never False, where that is not known."""
ImageAt = Callable[[str], ImageReference | None]
"""The image that our manifest file names at a commit; None where that is not known."""

_LONGEST_REFRESH_SECONDS = 20.0
_MOST_MUTE_PODS = 2
_Answer = TypeVar("_Answer")


def observe(
    application: ApplicationApi,
    expectation: Expectation,
    contains: Contains,
    image_at: ImageAt,
    *,
    refresh: Refresh | None = None,
) -> Observation:
    """One look, with the workloads only where the observed commit is ours or follows on it: they may be megabytes.

    Raises AccessRefused, ConfigurationError, Unreachable, and what the two questions to git raise.
    """
    longest = min(_LONGEST_REFRESH_SECONDS, 4 * expectation.timeouts.poll_seconds)
    status = _status(application, expectation, refresh, longest)
    ours, other = _ancestry(status.revision, expectation, contains, image_at)
    operation = status.operation
    may_be_blocked = ours and status.sync is Sync.OUT_OF_SYNC and (operation is None or operation.is_over)
    may_be_blocked = may_be_blocked or (operation is not None and operation.is_blocked)
    return Observation(
        at=datetime.now(UTC),
        status=status,
        contains=ours,
        operation_contains=_contains(operation.revision if operation else None, expectation, contains),
        superseded_by=other,
        workloads=_workloads(application, expectation) if ours and other is None else None,
        window=application.closed_window(auto_sync=status.auto_sync) if may_be_blocked else None,
    )


def _status(
    application: ApplicationApi, expectation: Expectation, refresh: Refresh | None, longest: float
) -> ApplicationStatus:
    above, repository, branch = application.parent, expectation.repository, expectation.branch
    if above is None:
        body = application.read(refresh, longest)
        return read_status(body, find_source(body, repository, branch))
    body = above.read(refresh, longest)
    parent = read_status(body, find_source(body, repository, branch))
    # The child's sources are others, so it does not matter which one's revision is read.
    child = read_status(application.read(refresh, longest), source=0)
    return seen_through(parent, child, above.target.application, expectation.pushed_at)


def _workloads(application: ApplicationApi, expectation: Expectation) -> Workloads:
    workloads = application.workloads()
    # The tree does not say why a pod waits for a node or an init container for its image; the pod itself does.
    mute = [pod for pod in our_pods(workloads, expectation.image) if pod.is_mute][:_MOST_MUTE_PODS]
    said = {pod.name: replace(pod, message=application.pod_trouble(pod)) for pod in mute}
    return replace(workloads, pods=tuple(said.get(pod.name, pod) for pod in workloads.pods))


def _contains(revision: str | None, expectation: Expectation, contains: Contains) -> bool | None:
    if revision is None or revision == expectation.revision:
        return None if revision is None else True
    return contains(expectation.revision, revision)


def _ancestry(
    revision: str | None, expectation: Expectation, contains: Contains, image_at: ImageAt
) -> tuple[bool | None, ImageReference | None]:
    """Whether the revision holds our change, and the image that it wants instead where that is another one."""
    ours = _contains(revision, expectation, contains)
    if revision is None or ours is None or revision == expectation.revision:
        return ours, None
    if ours is False and contains(revision, expectation.revision) is not False:
        return False, None
    # A later commit; or one beside ours, as after a forced push: then only the file says whether our change is in it.
    try:
        image = image_at(revision)
    except InvalidManifest:
        # Somebody broke the file later; what Argo CD renders from it says more.
        image = None
    same = image is not None and image.digest == expectation.image.digest
    return ours or same, None if image is None or same else image


def remembering(ask: Callable[..., _Answer | None]) -> Callable[..., _Answer | None]:
    """The same question answered once: history does not change. What was not known is asked again."""
    known: dict[tuple[str, ...], _Answer] = {}

    def answer(*commits: str) -> _Answer | None:
        if commits not in known:
            value = ask(*commits)
            if value is None:
                return None
            known[commits] = value
        return known[commits]

    return answer

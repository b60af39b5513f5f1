"""Which image runs: comparisons by digest, for the same image may be named in several ways."""

from tasks.domain.image import ImageReference
from tasks.domain.rollout.facts import Pod, Workloads


def runs(images: tuple[ImageReference, ...], image: ImageReference) -> bool:
    """Whether one of them is this image, from whichever registry: the digest is its identity."""
    return any(other.digest == image.digest for other in images)


def others(images: tuple[ImageReference, ...], image: ImageReference) -> tuple[ImageReference, ...]:
    """Those of the same repository that are another image, or may be because they name no digest."""
    repository = canonical_repository(image)
    return tuple(i for i in images if canonical_repository(i) == repository and i.digest != image.digest)


def old_pods(workloads: Workloads, image: ImageReference) -> tuple[Pod, ...]:
    """Pods that still serve another image of the same repository; a job that was started before may finish with it."""
    serving = (pod for pod in workloads.pods if pod.reason == "Running" and not pod.of_job and not pod.stands_by)
    return tuple(pod for pod in serving if others(pod.images, image))


def our_pods(workloads: Workloads, image: ImageReference) -> tuple[Pod, ...]:
    """The pods of the newest generation that have this image."""
    return tuple(pod for pod in workloads.pods if pod.is_current and runs(pod.images, image))


def canonical_repository(image: ImageReference) -> str:
    """The repository with the registry and folder that are left out for Docker Hub.

    https://github.com/distribution/reference: the first part is a host only with a dot, a colon or as `localhost`.
    """
    host, slash, path = image.repository.partition("/")
    if not slash or not ("." in host or ":" in host or host == "localhost"):
        host, path = "docker.io", image.repository
    if host == "index.docker.io":
        host = "docker.io"
    if host == "docker.io" and "/" not in path:
        path = f"library/{path}"
    return f"{host}/{path}"

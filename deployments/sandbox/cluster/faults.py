"""What a test or a scenario makes go wrong in the cluster; plain sets that may change while everything runs."""

from dataclasses import dataclass, field

from tasks.domain.image import ImageReference


@dataclass(slots=True)
class Faults:
    """Each takes effect, and ends, within a tenth of a second."""

    never_ready: set[tuple[str, str]] = field(default_factory=set)
    """(namespace, digest): containers of this image run there, and their readiness probes fail."""
    failing_pulls: set[str] = field(default_factory=set)
    """A whole image reference, a repository or a digest: pulling it fails; what is cached does not help."""
    unready_namespaces: set[str] = field(default_factory=set)
    """Readiness probes fail in these namespaces, also those of pods that were ready."""

    def blocks_readiness(self, namespace: str, digest: str) -> bool:
        """Whether a container of this image must not be ready now."""
        return namespace in self.unready_namespaces or (namespace, digest) in self.never_ready

    def fails_pull(self, image: ImageReference) -> bool:
        """Whether a pull of this image must fail now."""
        return not self.failing_pulls.isdisjoint({str(image), image.repository, image.digest or ""})

"""Which builder makes an application's image: the same inputs and labels for each, and the same questions after it."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from flows.places.workshop import Workshop
from tasks.buildah import build_with_buildah, push_with_buildah
from tasks.docker.build import build_image, inspect_image
from tasks.docker.push import push_image
from tasks.domain.dockerfile import Stage
from tasks.domain.image import ImageReference
from tasks.domain.image_content import Built


@dataclass(frozen=True, slots=True)
class Builder:
    """One build of one image; buildah keeps it in `storage` until it is pushed, an engine in itself."""

    workshop: Workshop
    image: ImageReference
    storage: Path

    def build(self, tree: Path, labels: Mapping[str, str], bases: tuple[Stage, ...], *, fresh: bool) -> Built:
        """Build the work tree's image; `bases` are those that its Dockerfile names."""
        build = self.workshop.app.build
        if build.builder == "buildah":
            registry = self.workshop.registry
            return build_with_buildah(registry, tree, build, self.image, labels, storage=self.storage, fresh=fresh)
        build_image(self.workshop.engine, tree, build, self.image, labels, registry=self.workshop.registry, fresh=fresh)
        return inspect_image(self.workshop.engine, self.image, tuple(one.image for one in bases if one.image))

    def push(self) -> str | None:
        """Push what was built; gives the digest that the builder says it pushed, where it says so."""
        build = self.workshop.app.build
        if build.builder == "buildah":
            return push_with_buildah(
                self.workshop.registry, self.image, storage=self.storage, several=len(build.platforms) > 1
            )
        return push_image(self.workshop.engine, self.workshop.registry, self.image)


@contextmanager
def open_builder(workshop: Workshop, image: ImageReference) -> Iterator[Builder]:
    """A builder for this image; what it keeps on the worker is gone when the block ends."""
    with TemporaryDirectory(prefix="tidegate-build-", ignore_cleanup_errors=True) as storage:
        yield Builder(workshop, image, Path(storage))

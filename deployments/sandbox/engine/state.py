"""The images that the engine knows, and their names. Its other half is protocol."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from deployments.sandbox.engine.dockerfile import CannotBuild
from deployments.sandbox.engine.image import Image
from deployments.sandbox.engine.remote import Login, RegistryProblem, pull
from tasks.domain.errors import InvalidImageReference
from tasks.domain.image import ImageReference, parse_image


@dataclass(frozen=True, slots=True)
class Removed:
    """What removing an image did: names that are gone, and the image itself where no tag is left."""

    names: tuple[str, ...]
    image: str | None


@dataclass(slots=True)
class EngineState:
    """An engine's images; every method is safe to call from any thread."""

    _images: dict[str, Image] = field(default_factory=dict)
    # From REPOSITORY:TAG, and from REPOSITORY@DIGEST where a registry knows the image, to the image's id.
    _names: dict[str, str] = field(default_factory=dict)
    _lock: threading.RLock = field(default_factory=threading.RLock)

    def find(self, name: str) -> Image | None:
        """The image of a name, an id or the start of one; a name without tag is `latest`."""
        digits = name.removeprefix("sha256:")
        with self._lock:
            if found := self._names.get(full_name(name)):
                return self._images[found]
            matching = [image for known, image in self._images.items() if known.startswith(f"sha256:{digits}")]
        return matching[0] if digits and len(matching) == 1 else None

    def add(self, image: Image, *names: str) -> None:
        """Keep an image, and move these names to it."""
        with self._lock:
            self._images[image.id] = image
            self._names |= {full_name(name): image.id for name in names}

    def names(self, image: Image) -> list[str]:
        """All names, with tags and with digests."""
        with self._lock:
            return sorted(name for name, found in self._names.items() if found == image.id)

    def tagged(self, repository: str) -> dict[str, Image]:
        """The images of a repository by their tags."""
        start = f"{repository}:"
        with self._lock:
            named = {name.removeprefix(start): found for name, found in self._names.items() if name.startswith(start)}
            return {tag: self._images[found] for tag, found in named.items() if "/" not in tag}

    def remove(self, name: str, *, force: bool) -> Removed:
        """Take a name away, or with an id all names; the image goes with its last tag.

        Raises KeyError where there is no such image, and ValueError where several tags would go without `force`.
        """
        with self._lock:
            if (image := self.find(name)) is None:
                raise KeyError(name)
            tags = [known for known in self.names(image) if "@" not in known]
            gone = [full_name(name)] if full_name(name) in self._names else tags
            if len(gone) > 1 and not force:
                raise ValueError(f"{name[:19]} is named {' and '.join(tags)}; remove it by name or with force")
            if set(tags) <= set(gone):
                gone = self.names(image)
                del self._images[image.id]
            for known in gone:
                del self._names[known]
            return Removed(tuple(gone), None if image.id in self._images else image.id)

    def base_finder(self, login_for: Callable[[str], Login | None], *, fresh: bool) -> Callable[[str], Image]:
        """How a build gets its bases: what is known here unless they must be `fresh`, else from their registry."""

        def find_base(name: str) -> Image:
            known = self.find(name)
            if known is not None and not fresh:
                return known
            try:
                reference = parse_image(name)
                image, digest = pull(reference, login_for(name.partition("/")[0]))
            except (InvalidImageReference, RegistryProblem) as error:
                raise CannotBuild(f"the base image {name} cannot be had: {error}") from None
            self.add(image, name, f"{reference.repository}@{digest}")
            return image

        return find_base


def full_name(name: str) -> str:
    """REPOSITORY:TAG or REPOSITORY@DIGEST, as an image is known; what is no name stays as it is."""
    try:
        reference = parse_image(name)
    except InvalidImageReference:
        return name
    if reference.digest:
        return f"{reference.repository}@{reference.digest}"
    return str(ImageReference(reference.repository, reference.tag or "latest"))

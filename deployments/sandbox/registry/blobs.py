"""Where blobs are: in memory, or in a folder under the names of their digests."""

import threading
from pathlib import Path

from deployments.sandbox.registry.manifest import digest_of
from deployments.sandbox.registry.refusal import Code, Refusal
from tasks.domain.image import DIGEST


class Blobs:
    """Content by digest, whichever repository it belongs to."""

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder
        self._memory: dict[str, bytes] = {}
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)

    def put(self, content: bytes, digest: str) -> None:
        """Keep the bytes; raises Refusal DIGEST_INVALID where they are not what the digest says."""
        check_digest(digest)
        if digest_of(content) != digest:
            raise Refusal(Code.DIGEST_INVALID, f"the content is not {digest}", detail={"digest": digest})
        if self._folder is None:
            self._memory[digest] = content
            return
        path = _path(self._folder, digest)
        # Written aside and renamed, so that nobody ever reads half a blob.
        aside = path.with_name(f"{path.name}.{threading.get_ident()}")
        aside.write_bytes(content)
        aside.replace(path)

    def get(self, digest: str) -> bytes:
        """The bytes; raises KeyError where there are none of that digest."""
        if self._folder is None:
            return self._memory[digest]
        try:
            return _path(self._folder, digest).read_bytes()
        except FileNotFoundError:
            raise KeyError(digest) from None

    def remove(self, digest: str) -> None:
        """Forget the bytes, where they are known."""
        self._memory.pop(digest, None)
        if self._folder is not None:
            _path(self._folder, digest).unlink(missing_ok=True)


def check_digest(digest: str) -> None:
    """Raises Refusal DIGEST_INVALID where the text is no SHA-256 digest."""
    if not DIGEST.fullmatch(digest):
        raise Refusal(Code.DIGEST_INVALID, f"{digest!r} is not sha256: and 64 hexadecimal digits")


def _path(folder: Path, digest: str) -> Path:
    check_digest(digest)
    return folder / digest.removeprefix("sha256:")

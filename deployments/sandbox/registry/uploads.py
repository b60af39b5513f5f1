"""Blobs on their way in, piece by piece."""

import uuid
from dataclasses import dataclass, field

from deployments.sandbox.registry.refusal import Code, Refusal


@dataclass(slots=True)
class _Upload:
    repository: str
    content: bytearray = field(default_factory=bytearray)


class Uploads:
    """The open uploads of all repositories, by a name that nobody can guess."""

    def __init__(self) -> None:
        self._open: dict[str, _Upload] = {}

    def begin(self, repository: str) -> str:
        """The name of a new, empty upload."""
        name = str(uuid.uuid4())
        self._open[name] = _Upload(repository)
        return name

    def size(self, repository: str, name: str) -> int:
        """How many bytes have come so far; raises Refusal BLOB_UPLOAD_UNKNOWN."""
        return len(self._find(repository, name).content)

    def append(self, repository: str, name: str, content: bytes, *, start: int | None = None) -> int:
        """Add a piece and give the new size; raises Refusal with status 416 where it is not the next one."""
        upload = self._find(repository, name)
        if start is not None and start != len(upload.content):
            reason = f"the piece starts at byte {start}, the next one is {len(upload.content)}"
            raise Refusal(Code.BLOB_UPLOAD_INVALID, reason, status=416)
        upload.content += content
        return len(upload.content)

    def end(self, repository: str, name: str) -> bytes:
        """Close the upload and give all of its bytes; raises Refusal BLOB_UPLOAD_UNKNOWN."""
        upload = self._find(repository, name)
        self._open.pop(name, None)
        return bytes(upload.content)

    def _find(self, repository: str, name: str) -> _Upload:
        upload = self._open.get(name)
        if upload is None or upload.repository != repository:
            raise Refusal(Code.BLOB_UPLOAD_UNKNOWN, f"no upload {name} is open in {repository}; start a new one")
        return upload

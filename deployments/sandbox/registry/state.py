"""What the registry knows: repositories with their blobs, manifests and tags. Its other half is protocol."""

import re
import threading
from dataclasses import dataclass, field
from pathlib import Path

from deployments.sandbox.registry.blobs import Blobs, check_digest
from deployments.sandbox.registry.faults import Faults
from deployments.sandbox.registry.manifest import Manifest, read_manifest
from deployments.sandbox.registry.refusal import Code, Refusal
from deployments.sandbox.registry.uploads import Uploads

_NAME = re.compile(r"[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*")
_TAG = re.compile(r"[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}")


@dataclass(slots=True)
class _Repository:
    blobs: set[str] = field(default_factory=set)
    manifests: dict[str, Manifest] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)


class RegistryState:
    """A registry; every method is safe to call from any thread and raises Refusal in the specification's words.

    With `login` (user, password), nobody else is served. With `immutable_tags`, a tag never moves to another digest,
    as in Amazon ECR. Without `lists_referrers` it is one of before OCI 1.1, which knows no subjects. With a `folder`,
    blobs are kept there, else in memory.
    """

    def __init__(
        self,
        *,
        folder: Path | None = None,
        login: tuple[str, str] | None = None,
        immutable_tags: bool = False,
        lists_referrers: bool = True,
    ) -> None:
        self.login = login
        self.immutable_tags = immutable_tags
        self.lists_referrers = lists_referrers
        self.faults = Faults()
        self.uploads = Uploads()
        self._blobs = Blobs(folder)
        self._repositories: dict[str, _Repository] = {}
        self._lock = threading.RLock()

    def begin_upload(self, repository: str) -> str:
        """The name of a new upload."""
        if not _NAME.fullmatch(repository):
            raise Refusal(Code.NAME_INVALID, f"{repository!r} is not a repository; use lower case letters and digits")
        return self.uploads.begin(repository)

    def end_upload(self, repository: str, upload: str, digest: str) -> None:
        """Make a blob of the upload, which is gone afterwards, also where the digest is wrong."""
        content = self.uploads.end(repository, upload)
        with self._lock:
            self._blobs.put(content, digest)
            self._repositories.setdefault(repository, _Repository()).blobs.add(digest)

    def mount(self, repository: str, digest: str, *, source: str) -> bool:
        """Take a blob over from another repository; False where it has none of that digest."""
        with self._lock:
            there = self._repositories.get(source)
            if not _NAME.fullmatch(repository) or there is None or digest not in there.blobs:
                return False
            self._repositories.setdefault(repository, _Repository()).blobs.add(digest)
            return True

    def blob(self, repository: str, digest: str) -> bytes:
        """The bytes of a blob of this repository."""
        check_digest(digest)
        with self._lock:
            if digest not in self._find(repository).blobs:
                raise Refusal(Code.BLOB_UNKNOWN, f"{repository} has no blob {digest}", detail={"digest": digest})
            return self._blobs.get(digest)

    def delete_blob(self, repository: str, digest: str) -> None:
        """Forget a blob in this repository; its bytes go with the last repository that has it."""
        with self._lock:
            self.blob(repository, digest)
            self._find(repository).blobs.discard(digest)
            if not any(digest in other.blobs for other in self._repositories.values()):
                self._blobs.remove(digest)

    def put_manifest(self, repository: str, reference: str, content: bytes, media_type: str) -> Manifest:
        """Keep a manifest under a tag or under its digest; all that it refers to must be there, except its subject."""
        manifest = read_manifest(content, media_type)
        if not _NAME.fullmatch(repository):
            raise Refusal(Code.NAME_INVALID, f"{repository!r} is not a repository; use lower case letters and digits")
        with self._lock:
            known = self._repositories.get(repository) or _Repository()
            self._check_parts(known, repository, manifest)
            self._check_reference(known, reference, manifest)
            self._repositories[repository] = known
            known.manifests[manifest.digest] = manifest
            if ":" not in reference:
                known.tags[reference] = manifest.digest
        return manifest

    def manifest(self, repository: str, reference: str) -> Manifest:
        """The manifest under a tag or a digest."""
        with self._lock:
            known = self._find(repository)
            manifest = known.manifests.get(known.tags.get(reference, reference))
        if manifest is None:
            raise Refusal(Code.MANIFEST_UNKNOWN, f"{repository} has no manifest {reference}", detail={"tag": reference})
        return manifest

    def delete_manifest(self, repository: str, reference: str) -> None:
        """By tag only the tag goes; by digest the manifest and all of its tags."""
        with self._lock:
            manifest = self.manifest(repository, reference)
            known = self._find(repository)
            if known.tags.pop(reference, None) is None:
                del known.manifests[manifest.digest]
                known.tags = {tag: digest for tag, digest in known.tags.items() if digest != manifest.digest}

    def tags(self, repository: str) -> list[str]:
        """All tags in lexical order, which the specification explains as case-insensitive."""
        with self._lock:
            return sorted(self._find(repository).tags, key=lambda tag: (tag.lower(), tag))

    def referrers(self, repository: str, digest: str) -> list[Manifest]:
        """The manifests whose subject this is, whether or not it is there itself."""
        check_digest(digest)
        with self._lock:
            known = self._repositories.get(repository) or _Repository()
            return [manifest for manifest in known.manifests.values() if manifest.subject == digest]

    def _find(self, repository: str) -> _Repository:
        known = self._repositories.get(repository)
        if known is None:
            raise Refusal(Code.NAME_UNKNOWN, f"there is no repository {repository}", detail={"name": repository})
        return known

    def _check_parts(self, known: _Repository, repository: str, manifest: Manifest) -> None:
        for digest in manifest.blobs + manifest.manifests:
            if digest not in known.blobs and digest not in known.manifests:
                reason = f"the manifest refers to {digest}, which {repository} does not have; push it before"
                raise Refusal(Code.MANIFEST_BLOB_UNKNOWN, reason, detail={"digest": digest})

    def _check_reference(self, known: _Repository, reference: str, manifest: Manifest) -> None:
        if ":" in reference:
            check_digest(reference)
            if reference != manifest.digest:
                reason = f"the manifest is {manifest.digest}, not {reference}"
                raise Refusal(Code.DIGEST_INVALID, reason, detail={"digest": reference})
            return
        if not _TAG.fullmatch(reference):
            raise Refusal(Code.TAG_INVALID, f"{reference!r} is not a tag; use letters, digits, '.', '_' and '-'")
        if self.immutable_tags and known.tags.get(reference, manifest.digest) != manifest.digest:
            reason = f"the tag {reference} already exists and cannot be overwritten because tags here are immutable"
            raise Refusal(Code.TAG_INVALID, reason, detail={"tag": reference})

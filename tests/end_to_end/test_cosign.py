"""The real cosign takes what is attached to an image, by the public key alone, and refuses what was changed."""

import json
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from prefect.logging import disable_run_logger

from blocks.registry import ContainerRegistry
from deployments.sandbox.registry.manifest import digest_of
from deployments.sandbox.registry.protocol import create_app
from deployments.sandbox.registry.state import RegistryState
from deployments.sandbox.server import serve
from tasks.domain.proof.envelope import sealed
from tasks.domain.proof.keys import new_private_key, public_half, sign_with
from tasks.domain.proof.kinds import CYCLONEDX, GATES, PROVENANCE, SIGNATURE, SPDX
from tasks.domain.proof.statement import Statement
from tasks.registry.referrers import attach

COSIGN = shutil.which("cosign")
pytestmark = pytest.mark.skipif(
    COSIGN is None, reason="cosign is not on the PATH (go install github.com/sigstore/cosign/v3/cmd/cosign@latest)"
)

PATH = "acme/shop-api"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
# cosign asks for one although a key is all that counts here; else it would fetch the public one.
TRUSTED_ROOT = {
    "mediaType": "application/vnd.dev.sigstore.trustedroot+json;version=0.1",
    "tlogs": [],
    "certificateAuthorities": [],
    "ctlogs": [],
    "timestampAuthorities": [],
}


@dataclass(frozen=True, slots=True)
class Signed:
    """A registry with one image, and the key that has signed it."""

    state: RegistryState
    registry: ContainerRegistry
    digest: str
    private: str

    def attach(self, kind: str, predicate: dict[str, object], private: str | None = None) -> None:
        key = private or self.private
        statement = Statement(f"{self.registry.host}/{PATH}", self.digest, kind, predicate)
        envelope = sealed(statement, lambda message: sign_with(key, None, message))
        with disable_run_logger():
            attach.fn(self.registry, PATH, self.digest, envelope, public_half(key, None), predicate_type=kind)

    def verify(self, folder: Path, *command: str) -> bool:
        (folder / "key.pub").write_text(public_half(self.private, None).pem())
        (folder / "root.json").write_text(json.dumps(TRUSTED_ROOT))
        done = subprocess.run(
            [
                COSIGN or "",
                *command,
                f"--key={folder / 'key.pub'}",
                f"--trusted-root={folder / 'root.json'}",
                "--insecure-ignore-tlog=true",
                "--allow-http-registry",
                f"{self.registry.host}/{PATH}@{self.digest}",
            ],
            env={"HOME": str(folder), "PATH": "/usr/bin:/bin"},
            capture_output=True,
            timeout=60,
            check=False,
        )
        return done.returncode == 0


@pytest.fixture(params=[True, False], ids=["lists referrers", "lists none"])
def signed(request: pytest.FixtureRequest) -> Iterator[Signed]:
    state = RegistryState(lists_referrers=request.param)
    config = b'{"os": "linux"}'
    upload = state.begin_upload(PATH)
    state.uploads.append(PATH, upload, config)
    state.end_upload(PATH, upload, digest_of(config))
    described = {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": digest_of(config), "size": 15}
    content = json.dumps({"schemaVersion": 2, "mediaType": MANIFEST, "config": described, "layers": []}).encode()
    digest = state.put_manifest(PATH, "v1", content, MANIFEST).digest
    with serve(create_app(state)) as url:
        yield Signed(state, ContainerRegistry(url=url), digest, new_private_key())


def test_cosign_accepts_the_signature_and_each_attestation(signed: Signed, tmp_path: Path) -> None:
    build = {
        "buildDefinition": {"buildType": "urn:x", "externalParameters": {}},
        "runDetails": {"builder": {"id": "x"}},
    }
    for kind in (PROVENANCE, CYCLONEDX, SPDX, GATES, SIGNATURE):
        signed.attach(kind, build if kind == PROVENANCE else {})
    assert signed.verify(tmp_path, "verify")
    for kind in ("slsaprovenance1", "cyclonedx", "spdxjson", GATES):
        assert signed.verify(tmp_path, "verify-attestation", f"--type={kind}"), kind


def test_cosign_refuses_what_another_key_has_signed(signed: Signed, tmp_path: Path) -> None:
    signed.attach(SIGNATURE, {}, new_private_key())
    assert not signed.verify(tmp_path, "verify")
    signed.attach(SIGNATURE, {})
    assert signed.verify(tmp_path, "verify")
    assert not signed.verify(tmp_path, "verify-attestation", "--type=slsaprovenance1")

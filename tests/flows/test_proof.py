"""Nothing is promoted that a trusted key has not signed; what is asserted stands in git and in the registry."""

import base64
import json
from typing import Any

from prefect.artifacts import Artifact
from prefect.flow_runs import resume_flow_run

from blocks.registry import ContainerRegistry
from deployments.demo.timeline import Run
from deployments.sandbox.changes import sample_files
from deployments.sandbox.registry.manifest import digest_of
from deployments.sandbox.world import APPLICATION, REPOSITORY, World
from tasks.domain.proof.envelope import sealed
from tasks.domain.proof.keys import new_private_key, public_half, sign_with
from tasks.domain.proof.kinds import CYCLONEDX, GATES, PROVENANCE, SIGNATURE, SPDX
from tasks.domain.proof.statement import parse_statement
from tasks.registry.referrers import attach, read_attached

MANIFEST = "application/vnd.oci.image.manifest.v1+json"


def registry_of(world: World) -> ContainerRegistry:
    return ContainerRegistry(url=world.addresses.registry)


def predicate_of(world: World, digest: str, kind: str) -> dict[str, Any]:
    (attached,) = read_attached.fn(registry_of(world), APPLICATION, digest, kind)
    return dict(parse_statement(attached.envelope.payload).predicate)


def annotated(world: World, digest: str, by: str) -> tuple[bytes, str]:
    """The image's manifest with a note, so that it has another digest, and its media type."""
    manifest = world.registry.manifest(APPLICATION, digest)
    return json.dumps(json.loads(manifest.content) | {"annotations": {"by": by}}).encode(), manifest.media_type


def copy_signed_by_another(world: World, digest: str) -> str:
    """The same image under another digest, with everything attached that the first has, signed by somebody else."""
    content, media_type = annotated(world, digest, "another")
    copy = world.registry.put_manifest(APPLICATION, digest_of(content), content, media_type).digest
    private = new_private_key()
    for kind in (SIGNATURE, PROVENANCE, GATES):
        (attached,) = read_attached.fn(registry_of(world), APPLICATION, digest, kind)
        said = json.loads(attached.envelope.payload)
        said["subject"][0]["digest"]["sha256"] = copy.removeprefix("sha256:")
        envelope = sealed(parse_statement(json.dumps(said).encode()), lambda message: sign_with(private, None, message))
        attach.fn(registry_of(world), APPLICATION, copy, envelope, public_half(private, None), predicate_type=kind)
    return copy


def tamper(world: World, digest: str, kind: str, old: str, new: str) -> None:
    """Put a changed statement in the place of one that is attached."""
    (attached,) = read_attached.fn(registry_of(world), APPLICATION, digest, kind)
    document = json.loads(world.registry.manifest(APPLICATION, attached.manifest).content)
    bundle = json.loads(world.registry.blob(APPLICATION, document["layers"][0]["digest"]))
    payload = base64.b64decode(bundle["dsseEnvelope"]["payload"]).decode()
    assert old in payload
    bundle["dsseEnvelope"]["payload"] = base64.b64encode(payload.replace(old, new).encode()).decode()
    content = json.dumps(bundle).encode()
    upload = world.registry.begin_upload(APPLICATION)
    world.registry.uploads.append(APPLICATION, upload, content)
    world.registry.end_upload(APPLICATION, upload, digest_of(content))
    document["layers"][0] |= {"digest": digest_of(content), "size": len(content)}
    changed = json.dumps(document).encode()
    world.registry.delete_manifest(APPLICATION, attached.manifest)
    world.registry.put_manifest(APPLICATION, digest_of(changed), changed, MANIFEST)


def test_an_image_with_a_changed_attestation_or_another_signer_is_refused(world: World, tell, start) -> None:
    before = world.read_changes("production")[0]
    said: dict[str, Any] = {}

    def tamper_and_approve(waiting: Run) -> None:
        change = world.read_changes("staging")[0]
        said["staging"], said["digest"] = change, change.digest
        said["provenance"] = predicate_of(world, change.digest, PROVENANCE)
        said["kinds"] = {kind for kind in (CYCLONEDX, SPDX) if predicate_of(world, change.digest, kind)}
        said["page"] = Artifact.get(f"{APPLICATION}-production-approval").data
        said["candidate"] = Artifact.get(f"{APPLICATION}-candidate").data
        copy = copy_signed_by_another(world, change.digest)
        said["foreign"] = start(
            "promote", application=APPLICATION, environment="staging", commit=change.source_commit, digest=copy
        )
        tamper(world, change.digest, GATES, "All 7 gates passed", "All 9 gates passed")
        resume_flow_run(waiting.run_id, run_input={"decision": "approve", "approver": "Robin", "comment": ""})

    commit, runs = tell(tamper_and_approve)

    # What was signed when the image was built.
    source = said["provenance"]["buildDefinition"]["externalParameters"]
    assert (source["commit"], source["ref"]) == (commit, "refs/heads/main")
    assert said["kinds"] == {CYCLONEDX, SPDX}
    # What people read of it.
    assert f"built here from {commit[:7]}, its gates passed" in said["page"]
    assert "SLSA v1, built by" in said["candidate"]
    # Signed by somebody else: staging stays as it is.
    assert said["foreign"].name == "Refused"
    assert "none of the image's 3 attestations is signed, unchanged, by a trusted key" in said["foreign"].message
    assert world.read_changes("staging")[0] == said["staging"]
    # Changed afterwards: production stays as it was.
    assert runs["production"].state == "Refused"
    assert "the gate results are missing" in runs["production"].message
    assert world.read_changes("production")[0] == before


def test_what_somebody_pushed_under_the_commit_s_tag_is_never_signed(world: World, start) -> None:
    staging = world.read_changes("staging")[0]
    commit = world.github.commit(
        REPOSITORY,
        "main",
        sample_files() | {"notes.md": "Nothing that runs.\n"},
        "Write something down",
        author_name="Dana Developer",
        author_email="dana@acme.example",
    )
    digest = world.registry.put_manifest(APPLICATION, commit, *annotated(world, staging.digest, "them")).digest
    ended = start("integrate", application=APPLICATION, commit=commit)

    assert ended.is_failed()
    assert "nobody has signed that it was built here" in ended.message
    assert world.find_digest(commit) == digest
    assert read_attached.fn(registry_of(world), APPLICATION, digest) == ()
    assert world.read_changes("staging")[0] == staging

"""A registry that is Amazon ECR: moto's server speaks its API, and the sandbox's registry holds the layers."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from moto.server import ThreadedMotoServer
from prefect.client.orchestration import get_client
from prefect.flow_runs import resume_flow_run
from prefect_aws import AwsCredentials
from ruamel.yaml import YAML
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from blocks.registry import ContainerRegistry
from deployments.demo.play import follow
from deployments.demo.timeline import Run
from deployments.sandbox.changes import good_change, sample_files
from deployments.sandbox.server import serve
from deployments.sandbox.world import APPLICATION, World
from tasks.domain.proof.kinds import GATES, PROVENANCE, SIGNATURE
from tasks.domain.proof.statement import parse_statement
from tasks.domain.retention import keep_tag
from tasks.registry.referrers import read_attached

CVE = "CVE-2031-4711"
SCANNED = {
    "repositoryName": APPLICATION,
    "imageId": {},
    "imageScanStatus": {"status": "ACTIVE", "description": "Continuous scan is selected for image."},
    "imageScanFindings": {
        "enhancedFindings": [
            {
                "title": f"{CVE} - openssl",
                "severity": "HIGH",
                "fixAvailable": "YES",
                "packageVulnerabilityDetails": {
                    "vulnerabilityId": CVE,
                    "vulnerablePackages": [{"name": "openssl", "version": "3.0.1", "fixedInVersion": "3.0.2"}],
                },
            }
        ]
    },
}


class Ecr:
    """moto, told of each pushed image when its scan is first asked for, and that it is scanned when it is asked again.

    So ECR answers in the seconds after a push: a scan on push begins a little later.
    """

    def __init__(self, moto: str, world: World) -> None:
        self.moto, self.world = moto, world
        self.known: set[str] = set()

    async def answer(self, request: Request) -> Response:
        body = await request.json()
        headers = {name: value for name, value in request.headers.items() if name not in {"host", "content-length"}}
        async with httpx.AsyncClient(base_url=self.moto) as client:

            async def call(name: str, body: dict[str, Any]) -> httpx.Response:
                target = f"AmazonEC2ContainerRegistry_V20150921.{name}"
                return await client.post("/", json=body, headers=headers | {"x-amz-target": target})

            asked = request.headers["x-amz-target"].rpartition(".")[2]
            if asked.endswith("LifecyclePolicyPreview"):
                # Which moto does not have.
                return JSONResponse({"status": "COMPLETE", "previewResults": []})
            if asked == "DescribeImageScanFindings":
                digest = body["imageId"]["imageDigest"]
                if digest in self.known:
                    await call("StartImageScan", body)
                else:
                    await call("PutImage", self.as_pushed(digest))
                    self.known.add(digest)
            answer = await call(asked, body)
        return Response(answer.content, answer.status_code, media_type=answer.headers["content-type"])

    def as_pushed(self, digest: str) -> dict[str, Any]:
        manifest = self.world.registry.manifest(APPLICATION, digest)
        return {
            "repositoryName": APPLICATION,
            "imageManifest": manifest.content.decode(),
            "imageManifestMediaType": manifest.media_type,
            "imageDigest": digest,
            "imageTag": digest[-40:],
        }


@pytest.fixture
def registry(world: World) -> Iterator[ContainerRegistry]:
    """The block of an ECR that has no repository yet."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    moto = f"http://{host}:{port}"
    results = {"results": [SCANNED], "region": "eu-central-1", "account_id": "123456789012"}
    httpx.post(f"{moto}/moto-api/static/ecr/scan-finding-results", json=results).raise_for_status()
    with serve(Starlette(routes=[Route("/", Ecr(moto, world).answer, methods=["POST"])])) as url:
        credentials = {"aws_access_key_id": "id", "aws_secret_access_key": "key", "region_name": "eu-central-1"}
        parameters = {"aws_client_parameters": {"endpoint_url": url}}
        aws = AwsCredentials.model_validate(credentials | parameters)
        block = ContainerRegistry(url=world.addresses.registry, aws_credentials=aws)
        block.save("ecr", overwrite=True)
        yield block
    httpx.post(f"{moto}/moto-api/reset")
    server.stop()


@pytest.fixture
def excuse(world: World) -> Iterator[str]:
    """Call it to excuse the vulnerability until tomorrow."""
    file = world.delivery_file.with_name("waivers.yaml")
    before = file.read_text()
    until = (datetime.now(UTC) + timedelta(days=1)).date()

    def excusing() -> str:
        waiver = f"  - {{rule: {CVE}, owner: ada, reason: not reachable from outside, expires: {until}}}\n"
        file.write_text(f"{before.rstrip()}\n{waiver}")
        return str(until)

    yield excusing
    file.write_text(before)


def reject(waiting: Run) -> None:
    resume_flow_run(waiting.run_id, run_input={"decision": "reject", "approver": "Robin Reviewer"})


def attached(world: World, digest: str) -> dict[str, Any]:
    """What is attached to the image, by kind."""
    registry = ContainerRegistry(url=world.addresses.registry)
    known = read_attached.fn(registry, APPLICATION, digest, PROVENANCE, GATES, SIGNATURE)
    statements = [parse_statement(one.envelope.payload) for one in known]
    return {one.predicate_type: one.predicate for one in statements}


def test_an_image_is_promoted_only_from_tags_that_stay_and_once_its_scan_has_passed(
    world: World, registry: ContainerRegistry, configure, start, excuse, tidegate
) -> None:
    settings = YAML(typ="safe", pure=True).load(world.delivery_file)["applications"][APPLICATION]
    checks = {"lint": settings["checks"]["lint"]}
    on_ecr = settings | {
        "registry": "ecr",
        "checks": checks,
        "gates": {},
        "ecr": {"scan-seconds": 120, "keep-newest": 9},
    }
    configure("applications", **{APPLICATION: on_ecr})
    staging = world.read_changes("staging")[0]
    files = sample_files() | good_change(1) | {"notes.md": "For Amazon ECR.\n"}
    who = {"author_name": "Dana Developer", "author_email": "dana@acme.example"}
    commit = world.github.commit("acme/shop-api", "main", files, "Move to Amazon ECR", **who)

    # Tags that could be moved: nothing is built.
    client = registry.ecr_client()
    client.create_repository(repositoryName=APPLICATION, imageTagMutability="MUTABLE")
    ended = start("integrate", application=APPLICATION, commit=commit)
    assert "can be moved to other images; run: aws ecr put-image-tag-mutability" in ended.message
    # By a hook, which Prefect calls once the run has ended.
    world.wait_until(lambda: world.read_gates(commit)["tidegate"].startswith("failure: "), "GitHub is told")
    assert world.find_digest(commit) is None

    # A vulnerability: built, but neither signed nor promoted.
    client.put_image_tag_mutability(repositoryName=APPLICATION, imageTagMutability="IMMUTABLE")
    ended = start("integrate", application=APPLICATION, commit=commit)
    assert ended.name == "Image scan failed"
    gates = world.read_gates(commit)
    assert gates["tidegate/image-scan"].startswith(
        f"failure: 1 vulnerability is too bad; the worst: openssl 3.0.1: {CVE}"
    )
    assert gates["tidegate"] == "failure: 1 of 2 gates failed: image-scan."
    digest = world.find_digest(commit)
    assert digest is not None
    assert attached(world, digest).keys() == {PROVENANCE}
    assert world.read_changes("staging")[0] == staging

    # Excused until tomorrow: the image that is there is adopted, and its scan is among what is signed.
    until = excuse()
    ended = start("integrate", application=APPLICATION, commit=commit)
    assert ended.name == "Integrated"
    with get_client(sync_client=True) as prefect:
        runs = follow(prefect, commit, lambda _runs: None, reject)
    assert world.find_digest(commit) == digest
    assert world.read_gates(commit)["tidegate/image-scan"].startswith(
        f"success: No vulnerability. ada's waiver of {CVE} ends on {until}. 1 finding waived: "
    )
    known = attached(world, digest)
    assert known.keys() == {PROVENANCE, GATES, SIGNATURE}
    [scan] = [one for one in known[GATES]["gates"] if one["gate"] == "image-scan"]
    assert (scan["outcome"], scan["waived"]) == (
        "passed",
        [f"{CVE} at openssl 3.0.1 (until {until}, ada: not reachable from outside)"],
    )
    assert {run.environment: run.state for run in runs if run.flow == "promote"} == {
        "staging": "Verified",
        "production": "Rejected",
    }
    assert world.read_changes("staging")[0].digest == digest

    # What staging runs is never expired.
    code, said, _ = tidegate("ecr", "lifecycle")
    assert (code, f"  + {keep_tag(digest)}  protects {digest}" in said.splitlines()) == (0, True)
    assert said.endswith("  there is no lifecycle policy yet\nnothing was changed; --write does it\n")
    code, said, _ = tidegate("ecr", "lifecycle", APPLICATION, "--write")
    assert (code, said) == (0, "shop-api: 1 image is kept whatever the age, 0 will expire\n")
    images = client.describe_images(repositoryName=APPLICATION)["imageDetails"]
    assert [keep_tag(digest) in image["imageTags"] for image in images if image["imageDigest"] == digest] == [True]
    assert "the lifecycle policy is right already" in tidegate("ecr", "lifecycle")[1]


def test_a_tag_that_is_there_with_another_digest_is_refused(
    world: World, registry: ContainerRegistry, configure, start
) -> None:
    registry.ecr_client().create_repository(repositoryName=APPLICATION, imageTagMutability="IMMUTABLE")
    settings = YAML(typ="safe", pure=True).load(world.delivery_file)["applications"][APPLICATION]
    checks = {"lint": settings["checks"]["lint"]}
    on_ecr = settings | {"registry": "ecr", "checks": checks, "gates": {}, "ecr": {"scan-seconds": 120}}
    configure("applications", **{APPLICATION: on_ecr})
    staging = world.read_changes("staging")[0]
    who = {"author_name": "Dana Developer", "author_email": "dana@acme.example"}
    files = sample_files() | {"notes.md": "Somebody else has pushed this.\n"}
    commit = world.github.commit("acme/shop-api", "main", files, "Write something down", **who)
    manifest = world.registry.manifest(APPLICATION, staging.digest)
    world.registry.put_manifest(APPLICATION, commit, manifest.content, manifest.media_type)

    ended = start("integrate", application=APPLICATION, commit=commit)
    assert ended.is_failed()
    assert (
        "is there, but nobody has signed that it was built here, and this commit gives another image" in ended.message
    )
    assert world.find_digest(commit) == staging.digest
    assert world.read_changes("staging")[0] == staging

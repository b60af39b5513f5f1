"""Amazon ECR, as moto's server speaks it: tags that stay, a scan that is awaited, and images that are kept."""

import base64
import hashlib
import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from moto.server import ThreadedMotoServer
from prefect.logging import disable_run_logger
from prefect_aws import AwsCredentials
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from blocks.registry import ContainerRegistry
from deployments.sandbox.server import serve
from tasks.domain.errors import AccessRefused, ConfigurationError, EvidenceMissing, Unreachable
from tasks.domain.gates.finding import Kind
from tasks.domain.retention import Retention, keep_tag
from tasks.registry.ecr import check_repository, wait_for_scan
from tasks.registry.lifecycle import keep_named, preview_lifecycle

SHA = "1" * 40
PATH = "acme/shop-api"
HOST = "123456789012.dkr.ecr.eu-central-1.amazonaws.com"


@pytest.fixture(autouse=True)
def _without_a_run() -> Iterator[None]:
    with disable_run_logger():
        yield


@pytest.fixture
def aws() -> Iterator[str]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    httpx.post(f"http://{host}:{port}/moto-api/reset")
    server.stop()


def registry_at(endpoint: str, **settings: Any) -> ContainerRegistry:
    credentials = {"aws_access_key_id": "id", "aws_secret_access_key": "key", "region_name": "eu-central-1"} | settings
    parameters = {"aws_client_parameters": {"endpoint_url": endpoint}}
    return ContainerRegistry(
        url=f"https://{HOST}", aws_credentials=AwsCredentials.model_validate(credentials | parameters)
    )


@pytest.fixture
def registry(aws: str) -> ContainerRegistry:
    return registry_at(aws)


def create(registry: ContainerRegistry, mutability: str = "IMMUTABLE", excluded: tuple[str, ...] = ()) -> None:
    filters = [{"filterType": "WILDCARD", "filter": one} for one in excluded]
    more = {"imageTagMutabilityExclusionFilters": filters} if filters else {}
    registry.ecr_client().create_repository(repositoryName=PATH, imageTagMutability=mutability, **more)


def put(registry: ContainerRegistry, tag: str) -> str:
    config = hashlib.sha256(tag.encode()).hexdigest()
    manifest = {
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": {"digest": f"sha256:{config}", "size": 2, "mediaType": "application/vnd.oci.image.config.v1+json"},
        # moto makes the image's digest of its layers' ones.
        "layers": [
            {"digest": f"sha256:{config}", "size": 2, "mediaType": "application/vnd.oci.image.layer.v1.tar+gzip"}
        ],
    }
    answer = registry.ecr_client().put_image(
        repositoryName=PATH,
        imageManifest=json.dumps(manifest),
        imageManifestMediaType=manifest["mediaType"],
        imageTag=tag,
    )
    return str(answer["image"]["imageId"]["imageDigest"])


def tags_of(registry: ContainerRegistry) -> dict[str, list[str]]:
    images = registry.ecr_client().describe_images(repositoryName=PATH)["imageDetails"]
    return {image["imageDigest"]: sorted(image.get("imageTags", [])) for image in images}


def test_a_repository_that_is_not_there_is_said_with_the_command_that_makes_it(registry: ContainerRegistry) -> None:
    with pytest.raises(ConfigurationError) as problem:
        check_repository.fn(registry, PATH, SHA)
    assert str(problem.value) == (
        f"{HOST} has no repository {PATH}; create it: aws ecr create-repository --repository-name {PATH}"
        " --image-tag-mutability IMMUTABLE"
    )


@pytest.mark.parametrize(
    ("mutability", "excluded", "stays"),
    [
        ("IMMUTABLE", (), True),
        ("MUTABLE", (), False),
        ("IMMUTABLE_WITH_EXCLUSION", ("sha256-*",), True),
        ("IMMUTABLE_WITH_EXCLUSION", ("1*",), False),
    ],
)
def test_nothing_is_built_where_the_commit_s_tag_could_be_moved(
    registry: ContainerRegistry, mutability: str, excluded: tuple[str, ...], stays: bool
) -> None:
    create(registry, mutability, excluded)
    if stays:
        check_repository.fn(registry, PATH, SHA)
        return
    with pytest.raises(ConfigurationError, match="run: aws ecr put-image-tag-mutability --repository-name acme/shop-"):
        check_repository.fn(registry, PATH, SHA)


def test_every_login_is_a_new_one_so_that_none_expires(aws: str) -> None:
    tokens: list[str] = []

    async def counted(request: Request) -> Response:
        tokens.append(request.headers["x-amz-target"])
        login = base64.b64encode(f"AWS:number-{len(tokens)}".encode()).decode()
        data = {"authorizationToken": login, "expiresAt": 0, "proxyEndpoint": f"https://{HOST}"}
        return JSONResponse({"authorizationData": [data]})

    with serve(Starlette(routes=[Route("/", counted, methods=["POST"])])) as url:
        registry = registry_at(url)
        assert [registry.login(), registry.login()] == [("AWS", "number-1"), ("AWS", "number-2")]
    assert registry_at(aws).login() is not None


def test_a_role_is_assumed_without_keys_of_our_own(aws: str, monkeypatch: pytest.MonkeyPatch) -> None:
    # What a container of AWS has: no keys in the block, but a chain that gives some.
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "from-the-chain")
    monkeypatch.setenv("AWS_ENDPOINT_URL", aws)
    role = "arn:aws:iam::123456789012:role/tidegate"
    registry = registry_at(aws, aws_access_key_id=None, aws_secret_access_key=None, assume_role_arn=role)
    assert registry.login() is not None


def test_the_scan_s_findings_are_awaited(registry: ContainerRegistry) -> None:
    create(registry)
    digest = put(registry, SHA)
    with pytest.raises(EvidenceMissing, match=r"PENDING\).*It took more than 0 s; run again"):
        wait_for_scan.fn(registry, PATH, digest, seconds=0)
    registry.ecr_client().start_image_scan(repositoryName=PATH, imageId={"imageDigest": digest})
    findings = wait_for_scan.fn(registry, PATH, digest, seconds=5)
    assert [(one.tool, one.kind, one.rule) for one in findings] == [("ECR", Kind.VULNERABILITY, "CVE-9999-9999")]


def pages(*answers: dict[str, Any]) -> Starlette:
    left = list(answers)

    async def answer(_request: Request) -> Response:
        return JSONResponse(left.pop(0) if len(left) > 1 else left[0])

    return Starlette(routes=[Route("/", answer, methods=["POST"])])


def finding(name: str) -> dict[str, Any]:
    return {"name": name, "severity": "HIGH", "attributes": [{"key": "package_name", "value": "openssl"}]}


def test_all_pages_count_and_active_means_that_an_enhanced_scan_is_done() -> None:
    waiting = {"imageScanStatus": {"status": "PENDING"}}
    first = {
        "imageScanStatus": {"status": "ACTIVE"},
        "imageScanFindings": {"findings": [finding("CVE-1")]},
        "nextToken": "more",
    }
    second = {"imageScanStatus": {"status": "ACTIVE"}, "imageScanFindings": {"findings": [finding("CVE-2")]}}
    with serve(pages(waiting, first, second)) as url:
        found = wait_for_scan.fn(registry_at(url), PATH, f"sha256:{'a' * 64}", seconds=20)
    assert [one.rule for one in found] == ["CVE-1", "CVE-2"]


@pytest.mark.parametrize("status", ["FAILED", "UNSUPPORTED_IMAGE", "SCAN_ELIGIBILITY_EXPIRED", "LIMIT_EXCEEDED"])
def test_an_image_that_ecr_cannot_scan_does_not_pass(status: str) -> None:
    answer = {"imageScanStatus": {"status": status, "description": "why"}}
    with (
        serve(pages(answer)) as url,
        pytest.raises(EvidenceMissing, match=rf"could not scan the image \({status}\): why"),
    ):
        wait_for_scan.fn(registry_at(url), PATH, f"sha256:{'a' * 64}", seconds=5)


@pytest.mark.parametrize(
    ("status", "code", "error", "says"),
    [
        (400, "AccessDeniedException", AccessRefused, "the credentials need ecr:DescribeRepositories"),
        (400, "ThrottlingException", Unreachable, "AWS has no time"),
    ],
)
def test_what_aws_refuses_is_said_with_the_missing_right(
    monkeypatch: pytest.MonkeyPatch, status: int, code: str, error: type[Exception], says: str
) -> None:
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")

    async def refuse(_request: Request) -> Response:
        return JSONResponse({"__type": code, "message": "no"}, status)

    with serve(Starlette(routes=[Route("/", refuse, methods=["POST"])])) as url, pytest.raises(error, match=says):
        check_repository.fn(registry_at(url), PATH, SHA)


def test_a_registry_without_aws_credentials_is_a_mistake_in_the_configuration() -> None:
    with pytest.raises(ConfigurationError, match="has no AWS credentials"):
        check_repository.fn(ContainerRegistry(url="https://registry.example"), PATH, SHA)


class Previews:
    """moto has no previews of lifecycle policies: these two calls are answered here, all others by moto."""

    def __init__(self, moto: str) -> None:
        self.moto = moto
        self.expiring: list[str] = []
        self.looks = 0

    async def answer(self, request: Request) -> Response:
        call = request.headers["x-amz-target"].rpartition(".")[2]
        body = await request.body()
        if call == "StartLifecyclePolicyPreview":
            self.looks = 0
            return JSONResponse(
                {"status": "IN_PROGRESS", "lifecyclePolicyText": json.loads(body)["lifecyclePolicyText"]}
            )
        if call == "GetLifecyclePolicyPreview":
            self.looks += 1
            results = [{"imageDigest": digest, "action": {"type": "EXPIRE"}} for digest in self.expiring]
            return JSONResponse({"status": "COMPLETE", "previewResults": results})
        headers = {name: value for name, value in request.headers.items() if name != "host"}
        async with httpx.AsyncClient() as client:
            answer = await client.post(self.moto, content=body, headers=headers)
        return Response(answer.content, answer.status_code, media_type=answer.headers["content-type"])


@pytest.fixture
def previews(aws: str) -> Previews:
    return Previews(aws)


@pytest.fixture
def kept(previews: Previews) -> Iterator[ContainerRegistry]:
    with serve(Starlette(routes=[Route("/", previews.answer, methods=["POST"])])) as url:
        yield registry_at(url)


def test_what_is_named_is_tagged_and_the_policy_put_and_again_changes_nothing(
    kept: ContainerRegistry, previews: Previews
) -> None:
    create(kept)
    running, old = put(kept, "1" * 40), put(kept, "2" * 40)
    previews.expiring = [old]
    said = keep_named.fn(kept, PATH, frozenset({running}), 10)
    assert said == "acme/shop-api: 1 image is kept whatever the age, 1 will expire"
    expected = {running: sorted(["1" * 40, keep_tag(running)]), old: ["2" * 40]}
    assert tags_of(kept) == expected
    policy = json.loads(kept.ecr_client().get_lifecycle_policy(repositoryName=PATH)["lifecyclePolicyText"])
    assert policy["rules"][1]["selection"]["countNumber"] == 10
    assert keep_named.fn(kept, PATH, frozenset({running}), 10) == said
    assert tags_of(kept) == expected


def test_what_is_named_no_more_loses_its_tag_and_stays_an_image(kept: ContainerRegistry) -> None:
    create(kept)
    first, second = put(kept, "1" * 40), put(kept, "2" * 40)
    keep_named.fn(kept, PATH, frozenset({first}), 10)
    keep_named.fn(kept, PATH, frozenset({second}), 10)
    assert tags_of(kept) == {first: ["1" * 40], second: sorted(["2" * 40, keep_tag(second)])}


def test_a_policy_whose_preview_expires_what_is_named_is_not_put(kept: ContainerRegistry, previews: Previews) -> None:
    create(kept)
    running = put(kept, "1" * 40)
    previews.expiring = [running]
    with pytest.raises(EvidenceMissing, match=f"would expire {running}, which the GitOps repository names; it was not"):
        keep_named.fn(kept, PATH, frozenset({running}), 1)
    client = kept.ecr_client()
    with pytest.raises(client.exceptions.LifecyclePolicyNotFoundException):
        client.get_lifecycle_policy(repositoryName=PATH)


def test_a_preview_says_what_would_happen_and_changes_nothing(kept: ContainerRegistry, previews: Previews) -> None:
    create(kept)
    running, old = put(kept, "1" * 40), put(kept, "2" * 40)
    before = tags_of(kept)
    # As ECR sees it before the tag is set that protects the first.
    previews.expiring = [running, old]
    gone = f"sha256:{'9' * 64}"
    seen = preview_lifecycle.fn(kept, PATH, frozenset({running, gone}), 1)
    assert seen.retention == Retention(keep=(running,), release=(), missing=(gone,))
    assert (seen.kept, seen.expiring, seen.policy, seen.changes_policy) == (1, {old: ("2" * 40,)}, None, True)
    client = kept.ecr_client()
    with pytest.raises(client.exceptions.LifecyclePolicyNotFoundException):
        client.get_lifecycle_policy(repositoryName=PATH)
    assert tags_of(kept) == before

    previews.expiring = [old]
    keep_named.fn(kept, PATH, frozenset({running}), 1)
    again = preview_lifecycle.fn(kept, PATH, frozenset({running}), 1)
    assert (again.retention, again.changes_policy) == (Retention((), (), ()), False)

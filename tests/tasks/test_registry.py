"""Digests are computed from what the registry sends, and a registry is logged in to in each way that it may ask for."""

import base64
import hashlib
import json
from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import Any

import httpx
import pytest
from moto.server import ThreadedMotoServer
from prefect.logging import disable_run_logger
from prefect_aws import AwsCredentials
from prefect_docker import DockerRegistryCredentials
from pydantic import SecretStr
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from blocks.registry import ContainerRegistry
from deployments.sandbox.registry.protocol import create_app
from deployments.sandbox.registry.state import RegistryState
from deployments.sandbox.server import serve
from tasks.domain.errors import AccessRefused, EvidenceMissing, InvalidImageReference, Unreachable
from tasks.domain.image_labels import ImageFacts
from tasks.registry.images import find_digest, find_tags, read_image_facts

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LABELS = {"org.opencontainers.image.revision": "a" * 40, "org.opencontainers.image.source": "https://git/acme/shop-api"}


@pytest.fixture(autouse=True)
def _without_a_run() -> Iterator[None]:
    with disable_run_logger():
        yield


@pytest.fixture
def state() -> RegistryState:
    return RegistryState()


@pytest.fixture
def registry(state: RegistryState) -> Iterator[ContainerRegistry]:
    with serve(create_app(state)) as url:
        yield ContainerRegistry(url=url)


def digest_of(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def push(state: RegistryState, tag: str = "v1", path: str = "acme/shop-api") -> str:
    config = json.dumps({"os": "linux", "architecture": "amd64", "config": {"Labels": LABELS}}).encode()
    upload = state.begin_upload(path)
    state.uploads.append(path, upload, config)
    state.end_upload(path, upload, digest_of(config))
    described = {"mediaType": CONFIG, "digest": digest_of(config), "size": len(config)}
    manifest = {"schemaVersion": 2, "mediaType": MANIFEST, "config": described, "layers": []}
    return state.put_manifest(path, tag, json.dumps(manifest).encode(), MANIFEST).digest


def test_a_tag_has_the_digest_of_the_bytes_that_the_registry_sends(
    state: RegistryState, registry: ContainerRegistry
) -> None:
    digest = push(state)
    assert find_digest.fn(registry, "acme/shop-api", "v1") == digest


def test_a_tag_or_a_repository_that_is_not_there_is_none(state: RegistryState, registry: ContainerRegistry) -> None:
    assert find_digest.fn(registry, "acme/shop-api", "v1") is None
    push(state)
    assert find_digest.fn(registry, "acme/shop-api", "v2") is None


def test_an_image_says_what_it_was_built_from(state: RegistryState, registry: ContainerRegistry) -> None:
    digest = push(state)
    facts = read_image_facts.fn(registry, "acme/shop-api", digest)
    assert facts == ImageFacts(digest, LABELS, "linux/amd64")
    assert (facts.revision, facts.source) == ("a" * 40, "https://git/acme/shop-api")


def test_an_index_speaks_through_its_first_image_and_not_through_an_attestation(
    state: RegistryState, registry: ContainerRegistry
) -> None:
    image = push(state)
    size = len(state.manifest("acme/shop-api", image).content)
    entry = {"mediaType": MANIFEST, "digest": image, "size": size}
    nowhere, real = {"os": "unknown", "architecture": "unknown"}, {"os": "linux", "architecture": "amd64"}
    entries = [entry | {"platform": nowhere, "digest": push(state, "other")}, entry | {"platform": real}]
    index = json.dumps({"schemaVersion": 2, "mediaType": INDEX, "manifests": entries}).encode()
    digest = state.put_manifest("acme/shop-api", "many", index, INDEX).digest
    assert find_digest.fn(registry, "acme/shop-api", "many") == digest
    assert read_image_facts.fn(registry, "acme/shop-api", digest) == ImageFacts(digest, LABELS, "linux/amd64")


def test_a_digest_that_is_not_in_the_registry_is_missing_evidence(
    state: RegistryState, registry: ContainerRegistry
) -> None:
    push(state)
    with pytest.raises(EvidenceMissing, match=r"acme/shop-api@sha256:0{64} is not in 127\.0\.0\.1"):
        read_image_facts.fn(registry, "acme/shop-api", f"sha256:{'0' * 64}")


@pytest.mark.parametrize("tag", ["../other", "a b", "a?x", ""])
def test_a_tag_that_is_none_never_reaches_the_registry(tag: str) -> None:
    with pytest.raises(InvalidImageReference):
        find_digest.fn(ContainerRegistry(url="http://127.0.0.1:1"), "acme/shop-api", tag)


def answering(*routes: Route) -> AbstractContextManager[str]:
    return serve(Starlette(routes=list(routes)))


def test_a_registry_whose_word_differs_from_its_bytes_is_not_believed() -> None:
    claim = {"docker-content-digest": f"sha256:{'0' * 64}"}
    route = Route("/v2/a/manifests/v1", lambda _: Response("{}", headers=claim))
    with answering(route) as url, pytest.raises(EvidenceMissing, match="but sent sha256:44136fa3"):
        find_digest.fn(ContainerRegistry(url=url), "a", "v1")


def test_a_manifest_and_a_configuration_that_do_not_hash_to_their_digest_are_not_believed() -> None:
    config = digest_of(b"{}")
    manifest = json.dumps({"config": {"digest": config}}).encode()
    routes = (
        Route("/v2/a/manifests/{digest}", lambda _: Response(manifest)),
        Route("/v2/a/blobs/{digest}", lambda _: Response('{"config": {"Labels": {}}}')),
    )
    with answering(*routes) as url:
        for asked in (digest_of(manifest), f"sha256:{'0' * 64}"):
            with pytest.raises(EvidenceMissing, match="has another digest"):
                read_image_facts.fn(ContainerRegistry(url=url), "a", asked)


def test_a_refusal_names_the_right(state: RegistryState, registry: ContainerRegistry) -> None:
    state.login = ("robot", "right")
    credentials = DockerRegistryCredentials(username="robot", password=SecretStr("wrong"), registry_url=registry.url)
    for given in (None, credentials):
        with pytest.raises(AccessRefused, match="the right to pull") as refusal:
            find_digest.fn(registry.model_copy(update={"credentials": given}), "acme/shop-api", "v1")
        assert "wrong" not in str(refusal.value)


def test_a_5xx_is_left_to_the_task_s_retries(state: RegistryState, registry: ContainerRegistry) -> None:
    digest = push(state)
    state.faults.answer_next(503)
    with pytest.raises(httpx.HTTPStatusError):
        find_digest.fn(registry, "acme/shop-api", "v1")
    assert find_digest.fn(registry, "acme/shop-api", "v1") == digest


class TokenRegistry:
    """A registry behind a token service, as registries with a user database have it; a token is for one repository."""

    def __init__(self, login: tuple[str, str] | None) -> None:
        self.login, self.realm = login, ""
        self.asked: list[str] = []
        self.unauthorized = 0
        self.app = Starlette(
            routes=[Route("/token", self._token), Route("/v2/{name:path}/manifests/{tag}", self._manifest)]
        )

    def _token(self, request: Request) -> Response:
        basic = base64.b64encode(":".join(self.login or ()).encode()).decode()
        if request.headers.get("authorization") != (f"Basic {basic}" if self.login else None):
            return JSONResponse({"errors": []}, 401)
        self.asked.append(request.query_params["scope"])
        return JSONResponse({"access_token": request.query_params["scope"]})

    def _manifest(self, request: Request) -> Response:
        scope = f"repository:{request.path_params['name']}:pull"
        if request.headers.get("authorization") == f"Bearer {scope}":
            return Response("{}")
        self.unauthorized += 1
        challenge = f'Bearer realm="{self.realm}",service="registry",scope="{scope}"'
        return JSONResponse({"errors": []}, 401, headers={"WWW-Authenticate": challenge})


@pytest.mark.parametrize("login", [("robot", "password"), None])
def test_a_bearer_challenge_is_answered_with_a_token_for_the_repository(login: tuple[str, str] | None) -> None:
    there = TokenRegistry(login)
    with serve(there.app) as url:
        there.realm = f"{url}/token"
        credentials = login and DockerRegistryCredentials(
            username=login[0], password=SecretStr(login[1]), registry_url=url
        )
        with ContainerRegistry(url=url, credentials=credentials).get_client() as client:
            assert [client.get(f"/{name}/manifests/v1").status_code for name in ("a", "a", "b")] == [200, 200, 200]
    assert there.asked == ["repository:a:pull", "repository:b:pull"]
    # The second request for the same repository was sent with its token at once.
    assert there.unauthorized == 2


@pytest.mark.parametrize("realm", ["", "ftp://127.0.0.1/token", "/token"])
def test_a_challenge_without_a_usable_realm_stays_a_refusal(realm: str) -> None:
    there = TokenRegistry(None)
    there.realm = realm
    with serve(there.app) as url, pytest.raises(AccessRefused):
        find_digest.fn(ContainerRegistry(url=url), "a", "v1")


def test_blobs_kept_elsewhere_are_fetched_without_the_registry_s_credentials() -> None:
    seen: list[str | None] = []
    config = json.dumps({"os": "linux", "architecture": "arm64", "config": {"Labels": LABELS}}).encode()
    manifest = json.dumps({"config": {"digest": digest_of(config)}}).encode()

    def blob(request: Request) -> Response:
        seen.append(request.headers.get("authorization"))
        return Response(config)

    def guarded(content: Response) -> Any:
        def answer(request: Request) -> Response:
            known = "authorization" in request.headers
            return content if known else Response(status_code=401, headers={"WWW-Authenticate": 'Basic realm="r"'})

        return answer

    with answering(Route("/bucket", blob)) as bucket:
        routes = (
            Route("/v2/a/manifests/{digest}", guarded(Response(manifest))),
            Route("/v2/a/blobs/{digest}", guarded(RedirectResponse(f"{bucket}/bucket"))),
        )
        with answering(*routes) as url:
            credentials = DockerRegistryCredentials(username="u", password=SecretStr("p"), registry_url=url)
            registry = ContainerRegistry(url=url, credentials=credentials)
            assert read_image_facts.fn(registry, "a", digest_of(manifest)).platform == "linux/arm64"
    assert seen == [None]


@pytest.fixture(scope="module")
def aws() -> Iterator[str]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


def aws_credentials(endpoint: str, **settings: Any) -> AwsCredentials:
    return AwsCredentials.model_validate({"aws_client_parameters": {"endpoint_url": endpoint}, **settings})


def test_amazon_ecr_is_logged_in_to_with_a_token_from_aws(
    state: RegistryState, registry: ContainerRegistry, aws: str
) -> None:
    credentials = aws_credentials(aws, aws_access_key_id="id", aws_secret_access_key="key", region_name="eu-central-1")
    ecr = registry.model_copy(update={"aws_credentials": credentials})
    login = ecr.login()
    assert login is not None
    assert login[0] == "AWS"
    state.login = login
    digest = push(state)
    assert find_digest.fn(ecr, "acme/shop-api", "v1") == digest


def test_the_region_is_the_one_in_amazon_ecr_s_host_name(aws: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_DEFAULT_REGION", raising=False)
    credentials = aws_credentials(aws, aws_access_key_id="id", aws_secret_access_key="key")
    host = "https://123456789012.dkr.ecr.eu-west-1.amazonaws.com"
    assert ContainerRegistry(url=host, aws_credentials=credentials).login() is not None


def test_aws_without_credentials_is_a_refusal_and_aws_out_of_reach_is_not(
    registry: ContainerRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    nobody = aws_credentials("http://127.0.0.1:1", region_name="eu-central-1")
    with pytest.raises(AccessRefused, match="AWS gives no login for 127"):
        find_digest.fn(registry.model_copy(update={"aws_credentials": nobody}), "a", "v1")
    given = {"aws_access_key_id": "id", "aws_secret_access_key": "key", "region_name": "eu-central-1"}
    silent = aws_credentials("http://127.0.0.1:1", **given)
    with pytest.raises(Unreachable, match="AWS cannot be reached"):
        find_digest.fn(registry.model_copy(update={"aws_credentials": silent}), "a", "v1")


def test_the_tags_of_a_commit_are_found_among_many(state: RegistryState, registry: ContainerRegistry) -> None:
    digest = push(state, "a" * 40)
    content = state.manifest("acme/shop-api", digest).content
    for tag in (
        *(f"b{number}" for number in range(1100)),
        f"{'a' * 40}-20260701",
        f"{'c' * 40}",
        f"{'c' * 40}-20260702",
    ):
        state.put_manifest("acme/shop-api", tag, content, MANIFEST)
    assert find_tags.fn(registry, "acme/shop-api", "a" * 40) == (f"{'a' * 40}-20260701", "a" * 40)
    assert find_tags.fn(registry, "acme/shop-api", "c" * 40) == (f"{'c' * 40}-20260702", "c" * 40)
    assert find_tags.fn(registry, "acme/other", "a" * 40) == ()

"""An image is built from the tree alone and pushed with the registry's login; what goes wrong is said."""

import base64
import io
import json
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import docker
import pytest
from prefect.logging import disable_run_logger
from prefect_docker import DockerHost, DockerRegistryCredentials
from pydantic import SecretStr
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from blocks.registry import ContainerRegistry
from deployments.sandbox.engine.protocol import create_app as engine_app
from deployments.sandbox.engine.state import EngineState
from deployments.sandbox.registry.protocol import create_app
from deployments.sandbox.registry.state import RegistryState
from deployments.sandbox.server import serve
from tasks.docker.build import build_image
from tasks.docker.push import push_image
from tasks.domain.delivery.build import Build
from tasks.domain.errors import AccessRefused, ConfigurationError, DeliveryError, Unreachable
from tasks.domain.image import ImageReference
from tasks.registry.images import find_digest, read_image_facts

SHA = "a" * 40
# A rebuild has another tag; the commit stays the same.
IMAGE = ImageReference("127.0.0.1:5000/acme/shop-api", tag=f"{SHA}-20260701")
NEWLINE: dict[str, Any] = {"stream": "\n"}
AUX: dict[str, Any] = {"aux": {"ID": "sha256:1"}}
LABELS = {"org.opencontainers.image.revision": SHA}


@pytest.fixture(autouse=True)
def _without_a_run() -> Iterator[None]:
    with disable_run_logger():
        yield


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    tree = tmp_path / "tree"
    (tree / "app").mkdir(parents=True)
    (tree / "Dockerfile").write_text("FROM scratch\nARG COMMIT\nCOPY app /app\nENV COMMIT=$COMMIT\n")
    (tree / "app" / "main.py").write_text("print()\n")
    (tree / "app" / "secret.env").write_text("x")
    (tree / ".dockerignore").write_text("# not for the image\n.git\n**/*.env\n")
    return tree


@dataclass
class Engine:
    """The part of Docker's API that is used, answering with lines given in advance."""

    lines: list[dict[str, Any]] = field(default_factory=list)
    query: dict[str, str] = field(default_factory=dict)
    files: list[str] = field(default_factory=list)
    login: dict[str, str] = field(default_factory=dict)

    def build(self, request: Request, body: bytes) -> Response:
        self.query = dict(request.query_params)
        with tarfile.open(fileobj=io.BytesIO(body)) as context:
            self.files = context.getnames()
        return self._answer()

    def push(self, request: Request, body: bytes) -> Response:
        self.query = dict(request.query_params) | {"name": request.path_params["name"]}
        self.login = json.loads(base64.urlsafe_b64decode(request.headers["x-registry-auth"]))
        return self._answer()

    def _answer(self) -> Response:
        return StreamingResponse((json.dumps(line) + "\r\n" for line in self.lines), media_type="application/json")

    @contextmanager
    def serve(self) -> Iterator[DockerHost]:
        async def build(request: Request) -> Response:
            return self.build(request, await request.body())

        async def push(request: Request) -> Response:
            return self.push(request, await request.body())

        routes = [
            Route("/version", lambda _: JSONResponse({"ApiVersion": "1.41"})),
            Route("/v1.41/build", build, methods=["POST"]),
            Route("/v1.41/images/{name:path}/push", push, methods=["POST"]),
        ]
        with serve(Starlette(routes=routes)) as url:
            yield DockerHost(base_url=url.replace("http://", "tcp://"))


def test_the_engine_gets_the_commit_the_labels_and_what_dockerignore_leaves(tree: Path) -> None:
    engine = Engine(lines=[{"stream": "Step 1/4 : FROM scratch\n"}, NEWLINE, AUX])
    with engine.serve() as host:
        build_image.fn(host, tree, Build(arguments={"PYTHON": "3.12"}, target="app"), IMAGE, LABELS)
    assert set(engine.files) == {".dockerignore", "Dockerfile", "app", "app/main.py"}
    assert json.loads(engine.query["buildargs"]) == {"PYTHON": "3.12", "COMMIT": SHA}
    assert json.loads(engine.query["labels"]) == LABELS
    assert engine.query["t"] == str(IMAGE)
    assert (engine.query["target"], engine.query["nocache"], engine.query["pull"]) == ("app", "False", "False")


def test_a_fresh_build_pulls_its_base_again_and_uses_no_cache(tree: Path) -> None:
    engine = Engine()
    with engine.serve() as host:
        build_image.fn(host, tree, Build(), IMAGE, LABELS, fresh=True)
    assert (engine.query["nocache"], engine.query["pull"]) == ("True", "True")


def test_the_context_may_be_a_folder_with_its_dockerfile_elsewhere_in_the_tree(tree: Path) -> None:
    engine = Engine()
    with engine.serve() as host:
        build_image.fn(host, tree, Build(context="app"), IMAGE, LABELS)
    assert {"main.py", engine.query["dockerfile"]} <= set(engine.files)


def test_a_dockerfile_in_a_folder_of_the_context_is_named_by_its_path(tree: Path) -> None:
    (tree / "Dockerfile").rename(tree / "app" / "Containerfile")
    engine = Engine()
    with engine.serve() as host:
        build_image.fn(host, tree, Build(dockerfile="app/Containerfile"), IMAGE, LABELS)
    assert engine.query["dockerfile"] == "app/Containerfile"


def test_a_failing_build_names_its_step_and_the_engine_s_words(tree: Path) -> None:
    lines: list[dict[str, Any]] = [
        {"stream": "Step 1/2 : FROM scratch\n"},
        {"stream": " ---> \n"},
        {"stream": "Step 2/2 : RUN make\n"},
        {"errorDetail": {"code": 2, "message": "x"}, "error": "The command 'make' returned a non-zero code: 2"},
    ]
    with Engine(lines).serve() as host, pytest.raises(DeliveryError) as problem:
        build_image.fn(host, tree, Build(), IMAGE, LABELS)
    assert str(problem.value) == (
        "the image cannot be built: The command 'make' returned a non-zero code: 2; it failed at: Step 2/2 : RUN make"
    )
    assert not isinstance(problem.value, Unreachable)


@pytest.mark.parametrize(
    ("build", "says"),
    [
        (Build(dockerfile="Containerfile"), "Containerfile is not in the repository"),
        (Build(context="nowhere"), "nowhere is not in the repository"),
        (Build(context="outside"), "outside or Dockerfile leads out of the repository"),
        (Build(dockerfile="Linked"), "or Linked leads out of the repository"),
    ],
)
def test_a_context_that_is_not_in_the_tree_is_never_sent(tree: Path, build: Build, says: str) -> None:
    outside = tree.parent / "outside"
    outside.mkdir()
    (outside / "Dockerfile").write_text("FROM scratch\n")
    (tree / "outside").symlink_to(outside)
    (tree / "Linked").symlink_to(outside / "Dockerfile")
    engine = Engine()
    with engine.serve() as host, pytest.raises(ConfigurationError, match=says):
        build_image.fn(host, tree, build, IMAGE, LABELS)
    assert engine.files == []


def registry(url: str = "http://127.0.0.1:5000", login: tuple[str, str] | None = None) -> ContainerRegistry:
    credentials = login and DockerRegistryCredentials(username=login[0], password=SecretStr(login[1]), registry_url=url)
    return ContainerRegistry(url=url, credentials=credentials)


@pytest.mark.parametrize(
    ("login", "sent"), [(("robot", "pass-word"), {"username": "robot", "password": "pass-word"}), (None, {})]
)
def test_a_push_logs_in_as_the_registry_block_says_and_as_nobody_else(
    login: tuple[str, str] | None, sent: dict[str, str]
) -> None:
    engine = Engine([{"status": "Preparing", "progressDetail": {}, "id": "1"}, {"status": f"{SHA}: digest: sha256:1"}])
    with engine.serve() as host:
        push_image.fn(host, registry(login=login), IMAGE)
    assert engine.query == {"tag": IMAGE.tag, "name": IMAGE.repository}
    assert engine.login == sent


@pytest.mark.parametrize(
    ("error", "kind", "says"),
    [
        ("denied: User arn is not authorized to perform ecr:PutImage", AccessRefused, "the right to push"),
        ("no basic auth credentials", AccessRefused, "127.0.0.1:5000 refuses the push of"),
        ("received unexpected HTTP status: 503 Service Unavailable", Unreachable, "503 Service Unavailable"),
        ("name unknown: The repository does not exist", DeliveryError, "check the repository there"),
        ("tag invalid: The image tag already exists and is immutable", DeliveryError, "immutable"),
    ],
)
def test_a_push_that_the_registry_does_not_take_is_said(error: str, kind: type[DeliveryError], says: str) -> None:
    with Engine([{"error": error}]).serve() as host, pytest.raises(DeliveryError, match=says) as problem:
        push_image.fn(host, registry(login=("robot", "pass-word")), IMAGE)
    assert type(problem.value) is kind
    assert "pass-word" not in str(problem.value)


def test_an_image_without_a_tag_is_neither_built_nor_pushed(tree: Path) -> None:
    nameless = ImageReference(IMAGE.repository)
    with Engine().serve() as host:
        with pytest.raises(ConfigurationError, match="has no tag"):
            push_image.fn(host, registry(), nameless)
        with pytest.raises(ConfigurationError, match="has no tag"):
            build_image.fn(host, tree, Build(), nameless, LABELS)


def test_an_engine_without_buildkit_does_not_build_for_several_platforms(tree: Path) -> None:
    with Engine().serve() as host, pytest.raises(ConfigurationError, match="for several platforms needs BuildKit"):
        build_image.fn(host, tree, Build(platforms=("linux/amd64", "linux/arm64")), IMAGE, LABELS)


def test_an_engine_that_does_not_answer_is_worth_another_try(tree: Path) -> None:
    nobody = DockerHost(base_url="tcp://127.0.0.1:1")
    with pytest.raises(Unreachable, match=r"the Docker engine at tcp://127\.0\.0\.1:1 does not answer"):
        build_image.fn(nobody, tree, Build(), IMAGE, LABELS)


def engine_answers() -> bool:
    try:
        with DockerHost(timeout=5).get_client() as client:
            return bool(client.ping())
    except docker.errors.DockerException:
        return False


@pytest.fixture(params=["sandbox", pytest.param("docker", marks=pytest.mark.docker)])
def engine(request: pytest.FixtureRequest) -> Iterator[DockerHost]:
    """The sandbox's engine, and a real one where one answers; both do the same."""
    if request.param == "docker":
        if not engine_answers():
            pytest.skip("no Docker engine answers at DOCKER_HOST")
        yield DockerHost()
    else:
        with serve(engine_app(EngineState())) as url:
            yield DockerHost(base_url=url.replace("http://", "tcp://"))


def test_what_an_engine_builds_and_pushes_is_in_the_registry(engine: DockerHost, tree: Path) -> None:
    state = RegistryState(login=("robot", "pass-word"))
    with serve(create_app(state)) as url:
        there = registry(url, login=("robot", "pass-word"))
        image = ImageReference(f"{there.host}/acme/shop-api", tag=SHA)
        build_image.fn(engine, tree, Build(), image, LABELS)
        push_image.fn(engine, there, image)
        digest = find_digest.fn(there, "acme/shop-api", SHA)
        assert digest is not None
        assert read_image_facts.fn(there, "acme/shop-api", digest).revision == SHA
        with engine.get_client() as client:
            assert f"COMMIT={SHA}" in client.images.get(str(image)).attrs["Config"]["Env"]
        with pytest.raises(AccessRefused, match="the right to push"):
            push_image.fn(engine, registry(url), image)
        with engine.get_client() as client:
            client.images.remove(str(image), force=True)


def test_an_engine_says_which_step_it_could_not_do(engine: DockerHost, tree: Path) -> None:
    (tree / "Dockerfile").write_text("FROM scratch\nCOPY nothing /\n")
    with pytest.raises(DeliveryError, match=r"it failed at: Step \d/\d : COPY nothing /"):
        build_image.fn(engine, tree, Build(), IMAGE, LABELS)


def test_a_base_image_of_the_registry_is_pulled_with_its_login(engine: DockerHost, tree: Path) -> None:
    with serve(create_app(RegistryState(login=("robot", "pass-word")))) as url:
        there = registry(url, login=("robot", "pass-word"))
        base = ImageReference(f"{there.host}/base/empty", tag="1")
        build_image.fn(engine, tree, Build(), base, LABELS)
        digest = push_image.fn(engine, there, base)
        with engine.get_client() as client:
            client.images.remove(str(base), force=True)
        (tree / "Dockerfile").write_text(f"FROM {base}@{digest}\nCOPY app /more\n")
        image = ImageReference(f"{there.host}/acme/shop-api", tag=SHA)
        with pytest.raises(DeliveryError):
            build_image.fn(engine, tree, Build(), image, LABELS, registry=registry(url), fresh=True)
        build_image.fn(engine, tree, Build(), image, LABELS, registry=there, fresh=True)
        with engine.get_client() as client:
            assert client.images.get(str(image)).labels["org.opencontainers.image.revision"] == SHA
            client.images.remove(str(image), force=True)

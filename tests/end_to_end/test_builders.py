"""Each builder makes the same image of the same commit, and again the same; real engines where there are some."""

import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import docker
import pytest
from prefect.logging import disable_run_logger
from prefect_docker import DockerHost

from blocks.registry import ContainerRegistry
from deployments.sandbox.engine.protocol import create_app as create_engine
from deployments.sandbox.engine.state import EngineState
from deployments.sandbox.registry.protocol import create_app as create_registry
from deployments.sandbox.registry.state import RegistryState
from deployments.sandbox.server import serve
from tasks.buildah import build_with_buildah
from tasks.docker.build import build_image, inspect_image
from tasks.docker.push import push_image
from tasks.domain.delivery.build import Build
from tasks.domain.errors import DeliveryError
from tasks.domain.image import ImageReference
from tasks.domain.image_content import ImageContent
from tasks.registry.images import find_digest, read_content

pytestmark = pytest.mark.docker

SHA = "a" * 40
LABELS = {"org.opencontainers.image.revision": SHA, "org.opencontainers.image.created": "2026-05-04T12:00:00Z"}
# No folder is made by the builder itself: each gives those another time.
DOCKERFILE = 'FROM scratch\nARG COMMIT\nCOPY app /\nENV COMMIT=$COMMIT\nUSER 7\nENTRYPOINT ["/run"]\n'
Builds = Callable[[ContainerRegistry, Path, ImageReference], ImageContent | None]


@pytest.fixture(autouse=True)
def _without_a_run() -> Iterator[None]:
    with disable_run_logger():
        yield


@pytest.fixture
def registry() -> Iterator[ContainerRegistry]:
    with serve(create_registry(RegistryState())) as url:
        yield ContainerRegistry(url=url)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    tree = tmp_path / "tree"
    (tree / "app").mkdir(parents=True)
    (tree / "Dockerfile").write_text(DOCKERFILE)
    (tree / "app/run").write_text("#!/bin/sh\n")
    return tree


@pytest.fixture
def real_engine() -> DockerHost:
    try:
        with DockerHost().get_client() as client:
            client.ping()
    except docker.errors.DockerException as problem:
        pytest.skip(f"no Docker engine answers at DOCKER_HOST: {problem}")
    return DockerHost()


@pytest.fixture(params=["the real engine", "the sandbox's engine", "buildah"])
def builds(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Builds]:
    def with_engine(engine: DockerHost) -> Builds:
        def building(registry: ContainerRegistry, tree: Path, image: ImageReference) -> ImageContent | None:
            build_image.fn(engine, tree, Build(), image, LABELS, registry=registry, fresh=True)
            return inspect_image.fn(engine, image).content

        return building

    if request.param == "buildah":
        if shutil.which("buildah") is None:
            pytest.skip("buildah is not on the PATH (apt-get install buildah)")
        yield (
            lambda registry, tree, image: (
                build_with_buildah.fn(
                    registry, tree, Build(builder="buildah"), image, LABELS, storage=tmp_path, fresh=True
                ).content
            )
        )
    elif request.param == "the real engine":
        yield with_engine(request.getfixturevalue("real_engine"))
    else:
        with serve(create_engine(EngineState())) as url:
            yield with_engine(DockerHost(base_url=url.replace("http", "tcp")))


def test_the_same_commit_has_the_same_content_again(registry: ContainerRegistry, tree: Path, builds: Builds) -> None:
    image = ImageReference(f"{registry.host}/acme/shop-api", SHA)
    first = builds(registry, tree, image)
    (tree / "app/run").touch()
    assert builds(registry, tree, image) == first
    assert first is not None
    assert (first.settings["User"], first.settings["Labels"]["org.opencontainers.image.revision"]) == ("7", SHA)


def test_what_the_engine_says_it_pushed_is_what_the_registry_has(
    registry: ContainerRegistry, tree: Path, real_engine: DockerHost
) -> None:
    image = ImageReference(f"{registry.host}/acme/shop-api", SHA)
    build_image.fn(real_engine, tree, Build(), image, LABELS, registry=registry)
    pushed = push_image.fn(real_engine, registry, image)
    assert pushed == find_digest.fn(registry, "acme/shop-api", SHA)
    assert pushed is not None
    assert read_content.fn(registry, "acme/shop-api", pushed) == inspect_image.fn(real_engine, image).content


def test_a_build_that_fails_names_what_failed(registry: ContainerRegistry, tree: Path, real_engine: DockerHost) -> None:
    (tree / "Dockerfile").write_text("FROM scratch\nCOPY nothing-like-this /\n")
    image = ImageReference(f"{registry.host}/acme/shop-api", SHA)
    with pytest.raises(DeliveryError, match=r"the image cannot be built: .*nothing-like-this"):
        build_image.fn(real_engine, tree, Build(), image, LABELS, registry=registry)


def test_buildkit_builds_where_the_engine_offers_it(
    registry: ContainerRegistry, tree: Path, real_engine: DockerHost
) -> None:
    with real_engine.get_client() as client:
        offers = client.api.get(f"{client.api.base_url}/_ping").headers.get("Builder-Version") == "2"
    if not offers or subprocess.run(["docker", "buildx", "version"], capture_output=True, check=False).returncode:
        pytest.skip("the engine does not offer BuildKit, or docker buildx is not installed")
    # The classic builder refuses this.
    (tree / "Dockerfile").write_text("FROM scratch\nCOPY --chmod=755 app /\nUSER 7\n")
    image = ImageReference(f"{registry.host}/acme/shop-api", SHA)
    build_image.fn(real_engine, tree, Build(cache="cache/shop-api"), image, LABELS, registry=registry)
    assert push_image.fn(real_engine, registry, image) == find_digest.fn(registry, "acme/shop-api", SHA)

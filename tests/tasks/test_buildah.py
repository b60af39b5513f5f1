"""buildah builds and pushes without any engine, and the same commit on the same base is the same digest."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from prefect.logging import disable_run_logger
from prefect_docker import DockerRegistryCredentials
from pydantic import SecretStr

from blocks.registry import ContainerRegistry
from deployments.sandbox.registry.protocol import create_app
from deployments.sandbox.registry.state import RegistryState
from deployments.sandbox.server import serve
from tasks.buildah import build_with_buildah, push_with_buildah
from tasks.domain.delivery.build import Build
from tasks.domain.errors import AccessRefused, ConfigurationError, DeliveryError
from tasks.domain.image import ImageReference
from tasks.domain.image_content import Built
from tasks.registry.images import find_digest, read_content, read_image_facts

SHA = "a" * 40
LABELS = {"org.opencontainers.image.revision": SHA, "org.opencontainers.image.created": "2026-05-04T12:00:00Z"}
LOGIN = ("robot", "a password of the registry")
needs_buildah = pytest.mark.skipif(
    shutil.which("buildah") is None, reason="buildah is not on the PATH (apt-get install)"
)


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


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    tree = tmp_path / "tree"
    (tree / "app").mkdir(parents=True)
    (tree / "Dockerfile").write_text(
        "FROM scratch\nARG COMMIT\nWORKDIR /work\nCOPY app /app\nENV COMMIT=$COMMIT\nUSER 7\n"
    )
    (tree / "app/main.py").write_text("print()\n")
    (tree / "app/secret.env").write_text("x")
    (tree / ".dockerignore").write_text("**/*.env\n")
    return tree


def image_of(registry: ContainerRegistry, path: str = "shop-api", tag: str = SHA) -> ImageReference:
    return ImageReference(f"{registry.host}/{path}", tag)


def build(registry: ContainerRegistry, tree: Path, storage: Path, settings: Build | None = None, **more: Any) -> Built:
    storage.mkdir(exist_ok=True)
    return build_with_buildah.fn(
        registry,
        tree,
        settings or Build(builder="buildah"),
        more.pop("image", image_of(registry)),
        LABELS,
        storage=storage,
        **more,
    )


@needs_buildah
def test_what_buildah_builds_and_pushes_is_in_the_registry(
    registry: ContainerRegistry, tree: Path, tmp_path: Path
) -> None:
    built = build(registry, tree, tmp_path / "one")
    pushed = push_with_buildah.fn(registry, image_of(registry), storage=tmp_path / "one")
    assert pushed == find_digest.fn(registry, "shop-api", SHA)
    facts = read_image_facts.fn(registry, "shop-api", pushed)
    assert (facts.revision, facts.created) == (SHA, "2026-05-04T12:00:00Z")
    content = read_content.fn(registry, "shop-api", pushed)
    assert content == built.content
    assert content is not None
    assert f"COMMIT={SHA}" in content.settings["Env"]
    assert content.settings["User"] == "7"


@needs_buildah
def test_the_same_commit_is_the_same_digest_again(registry: ContainerRegistry, tree: Path, tmp_path: Path) -> None:
    digests = []
    for number in range(2):
        (tree / "app/main.py").touch()
        storage = tmp_path / str(number)
        image = image_of(registry, tag=f"{SHA}-{number}")
        build(registry, tree, storage, image=image, fresh=bool(number))
        digests.append(push_with_buildah.fn(registry, image, storage=storage))
    assert digests[0] == digests[1]


@needs_buildah
def test_the_base_is_pulled_with_the_registry_s_login_and_named_by_its_digest(
    registry: ContainerRegistry, tree: Path, tmp_path: Path
) -> None:
    base = image_of(registry, "base/empty", "1")
    build(registry, tree, tmp_path / "base", image=base)
    digest = push_with_buildah.fn(registry, base, storage=tmp_path / "base")
    (tree / "Dockerfile").write_text(f"FROM {base}\nCOPY app /more\n")
    built = build(registry, tree, tmp_path / "next")
    assert built.bases == (ImageReference(base.repository, "1", digest),)


@needs_buildah
def test_an_image_for_several_platforms_is_an_index_of_them(
    registry: ContainerRegistry, state: RegistryState, tree: Path, tmp_path: Path
) -> None:
    platforms = ("linux/amd64", "linux/arm64")
    digests = []
    for name in ("one", "again"):
        build(registry, tree, tmp_path / name, Build(builder="buildah", platforms=platforms))
        digests.append(push_with_buildah.fn(registry, image_of(registry), storage=tmp_path / name, several=True))
    digest = digests[0]
    assert digests == [digest, digest]
    assert digest == find_digest.fn(registry, "shop-api", SHA)
    index = json.loads(state.manifest("shop-api", digest).content)
    assert tuple(f"linux/{entry['platform']['architecture']}" for entry in index["manifests"]) == platforms
    assert read_image_facts.fn(registry, "shop-api", digest).revision == SHA
    assert read_content.fn(registry, "shop-api", digest) is None


@needs_buildah
def test_layers_are_kept_in_a_repository_of_the_registry(
    registry: ContainerRegistry, state: RegistryState, tree: Path, tmp_path: Path
) -> None:
    build(registry, tree, tmp_path / "one", Build(builder="buildah", cache="cache/shop-api"))
    assert state.tags("cache/shop-api")


@needs_buildah
def test_what_buildah_cannot_do_is_said_without_the_password(
    registry: ContainerRegistry, tree: Path, tmp_path: Path
) -> None:
    (tree / "Dockerfile").write_text("FROM scratch\nCOPY nothing /\n")
    with pytest.raises(DeliveryError, match=r"buildah cannot build: .*nothing") as error:
        build(registry, tree, tmp_path / "one")
    assert LOGIN[1] not in str(error.value)


@needs_buildah
def test_a_refused_push_is_a_refusal(
    registry: ContainerRegistry, state: RegistryState, tree: Path, tmp_path: Path
) -> None:
    build(registry, tree, tmp_path / "one")
    state.login = ("robot", "another one")
    with pytest.raises(AccessRefused, match="buildah cannot push"):
        push_with_buildah.fn(registry, image_of(registry), storage=tmp_path / "one")


def test_a_worker_without_buildah_says_so(
    registry: ContainerRegistry, tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.executable", str(tmp_path / "python"))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ConfigurationError, match="buildah is not there"):
        build(registry, tree, tmp_path / "one")


@pytest.mark.parametrize(
    "settings",
    [{"context": "nowhere"}, {"dockerfile": "nowhere"}, {"context": "out"}, {"dockerfile": "out/Dockerfile"}],
)
def test_nothing_outside_the_tree_is_built(
    registry: ContainerRegistry, tree: Path, tmp_path: Path, settings: dict[str, str]
) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere/Dockerfile").write_text("FROM scratch\n")
    (tree / "out").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ConfigurationError, match=r"not in the repository|leads out of the repository"):
        build(registry, tree, tmp_path / "one", Build(builder="buildah", **settings))

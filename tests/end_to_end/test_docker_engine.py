"""With a real Docker engine: the sample application's image goes through the sandbox's registry and stays itself."""

import io
import json
import shutil
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import docker
import httpx
import pytest
from prefect_docker import DockerHost

from deployments.sandbox.engine.files import Tree, add_tar
from deployments.sandbox.engine.image import pulled_layer
from deployments.sandbox.engine.protocol import create_app as create_engine
from deployments.sandbox.engine.state import EngineState
from deployments.sandbox.registry.protocol import create_app as create_registry
from deployments.sandbox.registry.state import RegistryState
from deployments.sandbox.server import serve

pytestmark = pytest.mark.docker

SAMPLE = Path(__file__).resolve().parents[2] / "deployments/sandbox/samples/shop-api"
SHA = "a" * 40
# Each kind of thing that the stand-in knows, where the two could differ.
EVERYTHING = """ARG BASE
FROM ${BASE} AS first
WORKDIR relative/deep
COPY --chown=7 a* renamed/
COPY tree link ./
FROM ${BASE}
ARG COMMIT
ARG NAME=default
COPY --from=first /relative /copied
COPY --from=0 --chown=1:2 /relative/deep/renamed/a1 /new/folder/file
COPY tree /bin
COPY a1 /bin
COPY a1 /tmp/x/
COPY ["a1", "a2", "/with blank/"]
COPY . all
ENV OLD form of it
ENV A=$COMMIT B="two words $NAME" C='$NAME' D=${NAME:+yes} E=${NONE:-no} F=\\$NAME G=a\\ b \\
    # a comment in between
    H=last
LABEL "a key"='a value' version="$NAME"
EXPOSE 80 90/udp
USER 1:2
WORKDIR /new
WORKDIR below
ENTRYPOINT ["/bin/sh", "-c"]
CMD ["$A"]
"""
RUN_BY = ("Env", "Cmd", "Entrypoint", "User", "WorkingDir", "Labels", "ExposedPorts")


@pytest.fixture(scope="module")
def real_engine() -> Iterator[Any]:
    try:
        client = docker.from_env(timeout=120)
        client.ping()
    except docker.errors.DockerException as problem:
        pytest.skip(f"no Docker engine answers at DOCKER_HOST: {problem}")
    with DockerHost().get_client() as engine:
        yield engine
    client.close()


@pytest.fixture
def host() -> Iterator[str]:
    with serve(create_registry(RegistryState())) as url:
        yield url.removeprefix("http://")


@pytest.fixture
def base(real_engine: Any, host: str) -> Iterator[str]:
    """A base image made on the spot, so that nothing outside this machine is asked for one."""
    busybox = shutil.which("busybox")
    if busybox is None:
        pytest.skip("busybox is not installed; the base image is made of it (apt-get install busybox-static)")
    files = io.BytesIO()
    with tarfile.open(fileobj=files, mode="w") as archive:
        folder = tarfile.TarInfo("bin")
        folder.type, folder.mode = tarfile.DIRTYPE, 0o755
        archive.addfile(folder)
        archive.add(Path(busybox).resolve(), "bin/busybox")
        link = tarfile.TarInfo("bin/sh")
        link.type, link.linkname = tarfile.SYMTYPE, "busybox"
        archive.addfile(link)
    name = f"{host}/base/busybox"
    answer = json.loads(real_engine.api.import_image_from_data(files.getvalue(), repository=name, tag="1"))
    assert "error" not in answer, answer
    push(real_engine, name, "1")
    yield f"{name}:1"
    real_engine.images.remove(f"{name}:1", force=True)


def push(engine: Any, repository: str, tag: str) -> None:
    lines = list(engine.api.push(repository, tag, stream=True, decode=True))
    assert not [line for line in lines if "error" in line]


def build_and_push(engine: Any, host: str, base: str, repository: str, context: Path = SAMPLE) -> str:
    """An image in the registry; gives the digest that the registry says it has."""
    name = f"{host}/{repository}"
    engine.images.build(
        path=str(context),
        tag=f"{name}:{SHA}",
        buildargs={"BASE": base, "COMMIT": SHA},
        labels={"org.opencontainers.image.revision": SHA},
        rm=True,
    )
    push(engine, name, SHA)
    answer = httpx.head(f"http://{host}/v2/{repository}/manifests/{SHA}", trust_env=False)
    return str(answer.headers["Docker-Content-Digest"])


def read_back(host: str, repository: str, digest: str) -> tuple[dict[str, Any], Tree]:
    """The config that a container would run by, and the files that it would see."""
    with httpx.Client(base_url=f"http://{host}/v2/{repository}", trust_env=False) as registry:
        manifest = registry.get(f"/manifests/{digest}").raise_for_status().json()
        settings = registry.get(f"/blobs/{manifest['config']['digest']}").json()
        files: Tree = {}
        for layer, diff_id in zip(manifest["layers"], settings["rootfs"]["diff_ids"], strict=True):
            content = registry.get(f"/blobs/{layer['digest']}").content
            add_tar(files, pulled_layer(content, layer["mediaType"], diff_id).tar())
    return {key: settings["config"].get(key) or None for key in RUN_BY}, files


def test_the_sample_is_built_pushed_and_pulled_back_by_digest(real_engine: Any, host: str, base: str) -> None:
    name = f"{host}/acme/shop-api"
    digest = build_and_push(real_engine, host, base, "acme/shop-api")
    built = real_engine.images.get(f"{name}:{SHA}")
    assert built.attrs["RepoDigests"] == [f"{name}@{digest}"]
    real_engine.images.remove(built.id, force=True)
    pulled = real_engine.images.pull(f"{name}@{digest}")
    try:
        assert pulled.id == built.id
        user = pulled.attrs["Config"]["User"].partition(":")[0]
        assert user not in ("", "root", "0")
        assert f"COMMIT={SHA}" in pulled.attrs["Config"]["Env"]
        assert pulled.labels["org.opencontainers.image.revision"] == SHA
    finally:
        real_engine.images.remove(pulled.id, force=True)


@pytest.fixture
def everything(tmp_path: Path) -> Path:
    context = tmp_path / "context"
    (context / "tree/below").mkdir(parents=True)
    (context / "empty").mkdir()
    for name in ("a1", "a2", "tree/below/b", "tree/c", "tree/no.md", "no.md", "tree/below/yes.md"):
        (context / name).write_text(name)
        (context / name).chmod(0o640)
    (context / "tree/c").chmod(0o755)
    (context / "tree/below").chmod(0o750)
    (context / "link").symlink_to("a1")
    (context / "tree/inner").symlink_to("below/b")
    (context / ".dockerignore").write_text("**/*.md\n!tree/below/yes.md\nDockerfile\n.dockerignore\n")
    (context / "Dockerfile").write_text(EVERYTHING)
    return context


@pytest.mark.parametrize("context", ["the sample", "everything"])
def test_the_stand_in_builds_what_the_real_engine_builds(
    real_engine: Any, host: str, base: str, everything: Path, context: str
) -> None:
    folder = SAMPLE if context == "the sample" else everything
    real = build_and_push(real_engine, host, base, "real/shop-api", folder)
    with (
        serve(create_engine(EngineState())) as url,
        DockerHost(base_url=url.replace("http", "tcp")).get_client() as stand_in,
    ):
        other = build_and_push(stand_in, host, base, "other/shop-api", folder)
    try:
        config, files = read_back(host, "other/shop-api", other)
        real_config, real_files = read_back(host, "real/shop-api", real)
        assert config == real_config
        different = {path for path in files.keys() | real_files.keys() if files.get(path) != real_files.get(path)}
        assert {path: (files.get(path), real_files.get(path)) for path in different} == {}
        # And a real engine takes what the stand-in pushed.
        pulled = real_engine.images.pull(f"{host}/other/shop-api@{other}")
        real_engine.images.remove(pulled.id, force=True)
    finally:
        real_engine.images.remove(f"{host}/real/shop-api:{SHA}", force=True)

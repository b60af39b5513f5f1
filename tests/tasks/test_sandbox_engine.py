"""The stand-in for the Docker engine builds what needs no container, says of all else that it cannot, and pushes."""

import gzip
import hashlib
import io
import json
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import docker
import httpx
import pytest
from prefect_docker import DockerHost

from deployments.sandbox.engine.protocol import create_app as create_engine
from deployments.sandbox.engine.state import EngineState
from deployments.sandbox.registry.protocol import create_app as create_registry
from deployments.sandbox.registry.state import RegistryState
from deployments.sandbox.server import serve

SHA = "a" * 40
MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
BASE_FILES = {
    "etc/passwd": b"root:x:0:0::/:/bin/sh\napp:x:1234:99::/app:/bin/sh\n",
    "etc/group": b"root:x:0:\nweb:x:77:\n",
    "usr/bin/tool": b"tool",
    "srv/old": b"old",
}
BASE_CONFIG = {"Env": ["PATH=/usr/bin", "LANG=C.UTF-8"], "Cmd": ["tool"], "Labels": {"base": "yes"}}


@pytest.fixture
def registry() -> RegistryState:
    return RegistryState()


@pytest.fixture
def host(registry: RegistryState) -> Iterator[str]:
    with serve(create_registry(registry)) as url:
        yield url.removeprefix("http://")


@pytest.fixture
def engine() -> Iterator[Any]:
    with serve(create_engine(EngineState())) as url, DockerHost(base_url=url.replace("http", "tcp")).get_client() as it:
        yield it


def digest_of(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def tar(files: dict[str, bytes], links: dict[str, str] | None = None) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size, member.mode, member.mtime = len(content), 0o644, 1_700_000_000
            archive.addfile(member, io.BytesIO(content))
        for name, target in (links or {}).items():
            member = tarfile.TarInfo(name)
            member.type, member.linkname = tarfile.SYMTYPE, target
            archive.addfile(member)
    return buffer.getvalue()


def push_base(host: str, *layers: bytes, tag: str = "1", login: tuple[str, str] | None = None) -> str:
    """An image as Docker itself would push it; gives its reference."""
    layers = layers or (tar(BASE_FILES, {"bin": "usr/bin"}),)
    rootfs = {"type": "layers", "diff_ids": [digest_of(layer) for layer in layers]}
    document = {"architecture": "amd64", "os": "linux", "config": BASE_CONFIG, "rootfs": rootfs, "container": "x"}
    config, packed = json.dumps(document).encode(), [gzip.compress(layer) for layer in layers]
    manifest = {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": described("application/vnd.docker.container.image.v1+json", config),
        "layers": [described("application/vnd.docker.image.rootfs.diff.tar.gzip", layer) for layer in packed],
    }
    with httpx.Client(base_url=f"http://{host}/v2/base", auth=login) as client:
        for blob in (config, *packed):
            client.post("/blobs/uploads/", params={"digest": digest_of(blob)}, content=blob).raise_for_status()
        headers = {"Content-Type": MANIFEST}
        client.put(f"/manifests/{tag}", content=json.dumps(manifest), headers=headers).raise_for_status()
    return f"{host}/base:{tag}"


def described(media_type: str, content: bytes) -> dict[str, Any]:
    return {"mediaType": media_type, "digest": digest_of(content), "size": len(content)}


def context(tmp_path: Path, dockerfile: str, **files: str) -> str:
    """A folder to build; in the names of files, two underscores are a slash and three a dot."""
    for name, content in ({"Dockerfile": dockerfile} | files).items():
        path = tmp_path / "context" / name.replace("___", ".").replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
        path.chmod(0o644)
    return str(tmp_path / "context")


def build(engine: Any, path: str, **options: Any) -> list[dict[str, Any]]:
    return list(engine.api.build(path=path, decode=True, **options))


def failure(lines: list[dict[str, Any]]) -> str:
    message: str = lines[-1]["errorDetail"]["message"]
    assert lines[-1]["error"] == message
    return message


def push(engine: Any, repository: str, tag: str = SHA, **options: Any) -> list[dict[str, Any]]:
    return list(engine.api.push(repository, tag, stream=True, decode=True, **options))


class Pulled:
    """An image read back from the registry over HTTP, its files as a runtime would unpack them."""

    def __init__(self, host: str, repository: str, reference: str = SHA) -> None:
        with httpx.Client(base_url=f"http://{host}/v2/{repository}") as client:
            answer = client.get(f"/manifests/{reference}").raise_for_status()
            self.manifest = answer.json()
            self.digest = answer.headers["Docker-Content-Digest"]
            assert self.digest == digest_of(answer.content)
            assert self.manifest["mediaType"] == answer.headers["Content-Type"]
            blobs = {
                part["digest"]: client.get(f"/blobs/{part['digest']}").content
                for part in (self.manifest["config"], *self.manifest["layers"])
            }
        for part in (self.manifest["config"], *self.manifest["layers"]):
            assert (digest_of(blobs[part["digest"]]), len(blobs[part["digest"]])) == (part["digest"], part["size"])
        self.settings = json.loads(blobs[self.manifest["config"]["digest"]])
        self.config = self.settings["config"]
        self.layers = [gzip.decompress(blobs[layer["digest"]]) for layer in self.manifest["layers"]]
        assert self.settings["rootfs"]["diff_ids"] == [digest_of(layer) for layer in self.layers]

    def layer(self, index: int = -1) -> dict[str, tarfile.TarInfo]:
        with tarfile.open(fileobj=io.BytesIO(self.layers[index])) as archive:
            return {member.name: member for member in archive}

    def read(self, name: str, index: int = -1) -> bytes:
        with tarfile.open(fileobj=io.BytesIO(self.layers[index])) as archive:
            reader = archive.extractfile(name)
            assert reader is not None
            return reader.read()


def delivered(engine: Any, host: str, path: str, **options: Any) -> Pulled:
    lines = build(engine, path, tag=f"{host}/acme/shop-api:{SHA}", **options)
    assert "error" not in lines[-1], lines[-1]
    assert "error" not in push(engine, f"{host}/acme/shop-api")[-1]
    return Pulled(host, "acme/shop-api")


def test_a_client_of_docker_takes_the_stand_in_for_an_engine(engine: Any) -> None:
    assert engine.ping()
    assert engine.version()["Platform"]["Name"] == "Tidegate sandbox, without Docker"
    assert httpx.get(f"{engine.api.base_url}/_ping", trust_env=False).text == "OK"


def test_an_application_is_built_in_stages_and_pushed(engine: Any, host: str, tmp_path: Path) -> None:
    dockerfile = """
# The sample application's shape.
ARG BASE=unknown
FROM ${BASE} AS sources
WORKDIR /src
COPY app ./app/
COPY notes.txt .

FROM $BASE
ARG COMMIT
ARG PORT=8080
WORKDIR /srv/shop
COPY --from=sources --chown=1000:1001 /src/app/ app/
ENV COMMIT=$COMMIT \\
    GREETING="hello, ${COMMIT:-nobody}" EMPTY=''
EXPOSE ${PORT} 9090/udp
LABEL title='the shop' "quoted key"=x
USER 1000:1001
ENTRYPOINT ["python3", "-m"]
CMD ["app"]
"""
    path = context(tmp_path, dockerfile, app__main___py="print()", app__deep__er___py="pass", notes___txt="no")
    arguments = {"BASE": push_base(host), "COMMIT": SHA}
    image = delivered(engine, host, path, buildargs=arguments, labels={"revision": SHA, "title": "shop"})
    assert image.manifest["mediaType"] == "application/vnd.oci.image.manifest.v1+json"
    assert image.config == {
        "Env": ["PATH=/usr/bin", "LANG=C.UTF-8", f"COMMIT={SHA}", f"GREETING=hello, {SHA}", "EMPTY="],
        "Cmd": ["app"],
        "Entrypoint": ["python3", "-m"],
        "Labels": {"base": "yes", "title": "shop", "quoted key": "x", "revision": SHA},
        "WorkingDir": "/srv/shop",
        "ExposedPorts": {"8080/tcp": {}, "9090/udp": {}},
        "User": "1000:1001",
    }
    assert image.settings["os"] == "linux"
    assert "container" not in image.settings
    # The base tells nothing of its layer; an image has an entry for each all the same.
    history = image.settings["history"]
    assert [entry["created_by"] for entry in history if not entry.get("empty_layer")] == [
        "the base image, which does not tell",
        "WORKDIR /srv/shop",
        "COPY --from=sources --chown=1000:1001 /src/app/ app/",
    ]
    # The base's layer, the work folder, the copy; nothing of the first stage but what was copied.
    assert len(image.layers) == 3
    assert list(image.layer(1)) == ["srv/shop"]
    copied = image.layer()
    assert list(copied) == ["srv/shop/app", "srv/shop/app/deep", "srv/shop/app/deep/er.py", "srv/shop/app/main.py"]
    assert {(member.uid, member.gid, member.mtime) for member in copied.values()} == {(1000, 1001, 0)}
    assert image.read("srv/shop/app/main.py") == b"print()"
    assert SHA not in json.dumps(history)


def test_the_engine_tells_the_digest_that_the_registry_then_has(engine: Any, host: str, tmp_path: Path) -> None:
    path, name = context(tmp_path, "FROM scratch\nCOPY a /\n", a="1"), f"{host}/acme/shop-api"
    image, said = engine.images.build(path=path, tag=f"{name}:{SHA}")
    said = list(said)
    assert {"aux": {"ID": image.id}} in said
    assert said[-1]["stream"] == f"Successfully tagged {name}:{SHA}\n"
    pushed = push(engine, name)[-1]["aux"]
    pulled = Pulled(host, "acme/shop-api")
    assert (pushed["Tag"], pushed["Digest"]) == (SHA, pulled.digest)
    assert image.id == pulled.manifest["config"]["digest"]
    image.reload()
    assert image.attrs["RepoTags"] == [f"{name}:{SHA}"]
    assert image.attrs["RepoDigests"] == [f"{name}@{pulled.digest}"]
    assert push(engine, name)[2]["status"] == "Layer already exists"


def test_the_same_sources_give_the_same_image(engine: Any, host: str, tmp_path: Path) -> None:
    path = context(tmp_path, "FROM scratch\nARG COMMIT\nCOPY . /\nENV COMMIT=$COMMIT\n", b="2", a="1")
    first = delivered(engine, host, path)
    (Path(path) / "a").touch()
    assert delivered(engine, host, path).digest == first.digest
    dated = delivered(engine, host, path, buildargs={"SOURCE_DATE_EPOCH": "86400"})
    assert dated.settings["created"] == "1970-01-02T00:00:00Z"
    assert {member.mtime for member in dated.layer().values()} == {86400}
    (Path(path) / "a").write_text("changed")
    assert delivered(engine, host, path).digest != first.digest


def test_what_dockerignore_names_never_reaches_the_image(engine: Any, host: str, tmp_path: Path) -> None:
    ignore = "# comment\n.git\n*.md\n!README.md\n**/*.pyc\ndocs/**\nDockerfile\n.dockerignore\n"
    files = {".git/config": "x", "a.md": "x", "README.md": "x", "sub/b.md": "x", "sub/c.pyc": "x", "docs/d": "x"}
    # Sent whole, as a client may that leaves the ignoring to the engine.
    files |= {".dockerignore": ignore, "Dockerfile": "FROM scratch\nCOPY . /all/\n"}
    sent = tar({name: text.encode() for name, text in files.items()})
    tag = f"{host}/acme/shop-api:{SHA}"
    build_whole(engine, sent, tag)
    push(engine, f"{host}/acme/shop-api")
    files_copied = [name for name, member in Pulled(host, "acme/shop-api").layer().items() if member.isfile()]
    assert files_copied == ["all/README.md", "all/sub/b.md"]


def build_whole(engine: Any, sent: bytes, tag: str) -> list[dict[str, Any]]:
    return list(engine.api.build(fileobj=io.BytesIO(sent), custom_context=True, tag=tag, decode=True))


def test_a_context_reaches_neither_this_machine_nor_above_itself(engine: Any, host: str, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("secret")
    tag = f"{host}/acme/shop-api:{SHA}"
    for copied in ("../secret", str(secret), "link", "l*k", "folder/secret"):
        dockerfile = f"FROM scratch\nCOPY {copied} /stolen\n".encode()
        links = {"link": str(secret), "folder": "../../../.." + str(tmp_path)}
        lines = build_whole(engine, tar({"Dockerfile": dockerfile, "../escaped": b""}, links), tag)
        reason = "leads out of the build context" if copied.startswith("..") else "is not there"
        assert failure(lines).startswith("line 2: COPY")
        assert reason in failure(lines)


@pytest.mark.parametrize(
    ("instruction", "reason"),
    [
        ("RUN pip install .", "RUN needs a real engine"),
        ("ADD http://127.0.0.1/x /x", "ADD needs a real engine"),
        ("HEALTHCHECK CMD true", "HEALTHCHECK needs a real engine"),
        ("COPY --chmod=755 a /a", "COPY --chmod needs a real engine"),
        ("COPY <<EOF /a\ntext\nEOF", "COPY with a here-document needs a real engine"),
        ("ENV A=${B%x}", "the substitution in ${B%x} needs a real engine"),
        ("EXPOSE 8000-8010", "EXPOSE 8000-8010 is not one port; a range needs a real engine"),
        ("CMD run it", 'CMD in shell form needs a real engine; write it as a list, such as ["python3", "-m", "app"]'),
        ("FROM --platform=linux/s390x scratch", "FROM --platform needs a real engine"),
        ("FROM registry.example/base:1", "the base image registry.example/base:1 cannot be had: registry.example/base"),
        ("FROM $NOTHING", "FROM $NOTHING names no image; give the build argument that it asks for"),
        ("COPY a", "COPY needs at least one source and a destination"),
        ("COPY a Dockerfile /x", "COPY of more than one file needs a destination that ends with a slash"),
        ("COPY nowhere /x", "COPY found no nowhere; it is not there or .dockerignore leaves it out"),
        ("COPY --from=nobody /a /a", "the base image nobody cannot be had"),
        ("COPY --chown=nobody a /a", "--chown names 'nobody', which /etc/passwd of the base image does not have"),
        ("LABEL a='b", "LABEL has a quote or a backslash that does not end"),
        ("ENV A", "ENV A has no value; write A=..."),
        ("RNU x", "unknown instruction RNU"),
        ("CMD", "CMD says nothing; give it an argument"),
    ],
)
def test_what_cannot_be_built_is_an_error_with_its_line_and_never_skipped(
    engine: Any, tmp_path: Path, instruction: str, reason: str
) -> None:
    path = context(tmp_path, f"FROM scratch\n\n# a comment\n{instruction}\nCOPY a /\n", a="1")
    lines = build(engine, path, tag="shop:1")
    assert failure(lines).startswith(f"line 4: {reason}")
    with pytest.raises(docker.errors.ImageNotFound):
        engine.images.get("shop:1")


def test_a_stage_that_is_not_built_is_not_asked_whether_it_could_be(engine: Any, host: str, tmp_path: Path) -> None:
    path = context(tmp_path, "FROM scratch AS app\nCOPY a /\nFROM app AS tests\nRUN pytest\n", a="1")
    assert list(delivered(engine, host, path, target="app").layer()) == ["a"]
    assert failure(build(engine, path, target="tests")) == "line 4: RUN needs a real engine"
    assert failure(build(engine, path, target="other")) == "the Dockerfile has no stage other; it has app, tests"


def test_a_failed_build_is_an_error_to_the_clients_own_build(engine: Any, tmp_path: Path) -> None:
    with pytest.raises(docker.errors.BuildError, match="line 2: RUN needs a real engine"):
        engine.images.build(path=context(tmp_path, "FROM scratch\nRUN true\n"))


def test_a_dockerfile_elsewhere_in_the_context_is_used(engine: Any, host: str, tmp_path: Path) -> None:
    path = context(tmp_path, "nonsense", build__Dockerfile="FROM scratch\nCOPY a /\n", a="1")
    assert list(delivered(engine, host, path, dockerfile="build/Dockerfile").layer()) == ["a"]


def test_files_land_where_docker_would_put_them(engine: Any, host: str, tmp_path: Path) -> None:
    dockerfile = """FROM BASE
WORKDIR relative
COPY a renamed
COPY b* a folder/
COPY a /srv
COPY a /bin/linked
COPY --chown=app:web tree /srv
COPY ["a", "/with blank"]
""".replace("BASE", push_base(host))
    path = context(tmp_path, dockerfile, a="1", b1="2", b2="3", tree__x__y="4")
    image = delivered(engine, host, path)
    copies = [list(image.layer(index)) for index in range(2, 8)]
    assert copies == [
        ["relative/renamed"],
        ["relative/folder", "relative/folder/a", "relative/folder/b1", "relative/folder/b2"],
        # /srv is a folder of the base, so this goes into it.
        ["srv/a"],
        # /bin of the base is a link, which stays one.
        ["usr/bin/linked"],
        ["srv/x", "srv/x/y"],
        ["with blank"],
    ]
    assert {(member.uid, member.gid) for member in image.layer(6).values()} == {(1234, 77)}


def test_files_of_a_context_are_roots_and_those_of_a_stage_keep_their_owner(
    engine: Any, host: str, tmp_path: Path
) -> None:
    dockerfile = "FROM scratch AS one\nCOPY a /plain\nCOPY --chown=5:6 a /owned\nFROM scratch\nCOPY --from=one / /\n"
    sent = io.BytesIO()
    with tarfile.open(fileobj=sent, mode="w") as archive:
        for name, content in {"Dockerfile": dockerfile.encode(), "a": b"1"}.items():
            member = tarfile.TarInfo(name)
            member.size, member.uid, member.gid = len(content), 501, 20
            archive.addfile(member, io.BytesIO(content))
    build_whole(engine, sent.getvalue(), f"{host}/acme/shop-api:{SHA}")
    push(engine, f"{host}/acme/shop-api")
    files = Pulled(host, "acme/shop-api").layer()
    assert {name: (member.uid, member.gid) for name, member in files.items()} == {"plain": (0, 0), "owned": (5, 6)}


def test_what_a_later_layer_of_the_base_removes_is_not_copied_from_it(engine: Any, host: str, tmp_path: Path) -> None:
    base = push_base(
        host,
        tar({"app/gone": b"1", "app/kept": b"2", "old/a": b"3", "old/b": b"4"}),
        tar({"app/.wh.gone": b"", "old/.wh..wh..opq": b"", "old/c": b"5"}),
    )
    image = delivered(engine, host, context(tmp_path, f"FROM scratch\nCOPY --from={base} / /\n"))
    assert [name for name, member in image.layer().items() if member.isfile()] == ["app/kept", "old/c"]


def test_an_entry_point_takes_the_base_images_command_away(engine: Any, host: str, tmp_path: Path) -> None:
    base = push_base(host)
    image = delivered(engine, host, context(tmp_path, f'FROM {base}\nENTRYPOINT ["other"]\n'))
    assert "Cmd" not in image.config
    assert delivered(engine, host, context(tmp_path, f"FROM {base}\nUSER app\n")).config["Cmd"] == ["tool"]


def test_a_base_is_pulled_again_only_when_asked_for(engine: Any, host: str, tmp_path: Path) -> None:
    base = push_base(host)
    path = context(tmp_path, f"FROM {base}\nCOPY a /\n", a="1")
    first = delivered(engine, host, path)
    push_base(host, tar({"newer": b"1"}))
    assert delivered(engine, host, path).digest == first.digest
    assert list(delivered(engine, host, path, pull=True).layer(0)) == ["newer"]


def test_a_base_is_pinned_by_digest(engine: Any, host: str, tmp_path: Path) -> None:
    pinned = Pulled(host, "base", push_base(host).rpartition(":")[2]).digest
    push_base(host, tar({"newer": b"1"}))
    image = delivered(engine, host, context(tmp_path, f"FROM {host}/base@{pinned}\nCOPY a /\n", a="1"))
    assert "usr/bin/tool" in image.layer(0)


def test_a_layer_that_is_not_what_its_config_says_is_refused(engine: Any, host: str, tmp_path: Path) -> None:
    base = push_base(host)
    with httpx.Client(base_url=f"http://{host}/v2/base") as client:
        manifest = client.get("/manifests/1").json()
        other = gzip.compress(tar({"evil": b""}))
        client.post("/blobs/uploads/", params={"digest": digest_of(other)}, content=other)
        manifest["layers"] = [described(manifest["layers"][0]["mediaType"], other)]
        client.put("/manifests/1", content=json.dumps(manifest), headers={"Content-Type": MANIFEST})
    assert "the image's config says" in failure(build(engine, context(tmp_path, f"FROM {base}\n")))


def test_a_registry_with_a_login_gets_it_from_the_client(
    engine: Any, host: str, registry: RegistryState, tmp_path: Path
) -> None:
    login = {"username": "ci", "password": "correct"}
    registry.login = ("ci", "correct")
    path = context(tmp_path, f"FROM {push_base(host, login=registry.login)}\nCOPY a /\n", a="1")
    assert "no basic auth credentials" in failure(build(engine, path))
    with pytest.raises(docker.errors.APIError, match="failed with status: 401"):
        engine.login("ci", "wrong", registry=f"http://{host}")
    assert engine.login("ci", "correct", registry=f"http://{host}")["Status"] == "Login Succeeded"
    build(engine, path, tag=f"{host}/acme/shop-api:{SHA}")
    name = f"{host}/acme/shop-api"
    wrong = {"username": "ci", "password": "wrong"}
    assert failure(push(engine, name, auth_config=wrong)) == "unauthorized: authentication required"
    assert failure(push(engine, name, auth_config={})) == "no basic auth credentials"
    assert push(engine, name, auth_config=login)[-1]["aux"]["Tag"] == SHA


def test_a_refused_push_says_why(engine: Any, host: str, registry: RegistryState, tmp_path: Path) -> None:
    registry.immutable_tags = True
    path, name = context(tmp_path, "FROM scratch\nCOPY a /\n", a="1"), f"{host}/acme/shop-api"
    first = delivered(engine, host, path)
    (Path(path) / "a").write_text("2")
    build(engine, path, tag=f"{name}:{SHA}")
    assert "tag invalid" in failure(push(engine, name))
    assert Pulled(host, "acme/shop-api").digest == first.digest
    assert failure(push(engine, name, "other")).endswith(f"with the tag: {name}:other")
    registry.faults.answer_next(503, to="PUT ")
    assert "503" in failure(push(engine, name))
    build(engine, path, tag="registry.example/acme/shop-api:1")
    assert "not in a registry on loopback" in failure(push(engine, "registry.example/acme/shop-api", "1"))


def test_a_registry_that_is_away_is_named(engine: Any, host: str, tmp_path: Path) -> None:
    away = "127.0.0.1:9"
    lines = build(engine, context(tmp_path, f"FROM {away}/base:1\n"))
    assert "the registry 127.0.0.1:9 cannot be reached" in failure(lines)


def test_images_are_tagged_and_removed_by_name(engine: Any, host: str, tmp_path: Path) -> None:
    image, _ = engine.images.build(path=context(tmp_path, "FROM scratch\nCOPY a /\n", a="1"), tag="shop:1")
    assert image.tag(f"{host}/acme/other", tag="2")
    assert "aux" in push(engine, f"{host}/acme/other", "2")[-1]
    with pytest.raises(docker.errors.APIError, match="409"):
        engine.images.remove(image.id)
    engine.images.remove("shop:1")
    assert engine.images.get(f"{host}/acme/other:2").id == image.id
    engine.images.remove(f"{host}/acme/other:2")
    for gone in (image.id, "shop:1", f"{host}/acme/other:2"):
        with pytest.raises(docker.errors.ImageNotFound):
            engine.images.get(gone)


def test_what_only_a_real_engine_can_do_is_said(engine: Any, tmp_path: Path) -> None:
    with pytest.raises(docker.errors.APIError, match="it needs a real engine"):
        engine.containers.list()
    with pytest.raises(docker.errors.APIError, match="a build for linux/s390x needs a real engine"):
        build(engine, context(tmp_path, "FROM scratch\n"), platform="linux/s390x")


def test_a_body_that_is_no_archive_is_refused(engine: Any) -> None:
    lines = build_whole(engine, b"not a tar", "shop:1")
    assert failure(lines).startswith("the build context is not a tar archive")

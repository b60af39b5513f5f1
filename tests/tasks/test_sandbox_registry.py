"""The sandbox's registry keeps to the OCI distribution specification, for our clients and for skopeo."""

import gzip
import hashlib
import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from deployments.sandbox.registry.protocol import create_app
from deployments.sandbox.registry.state import RegistryState
from deployments.sandbox.server import serve

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar"
BUNDLE = "application/vnd.dev.sigstore.bundle.v0.3+json"
REPOSITORY = "/v2/acme/shop-api"


@pytest.fixture
def state() -> RegistryState:
    return RegistryState()


@pytest.fixture
def registry(state: RegistryState) -> Iterator[httpx.Client]:
    with serve(create_app(state)) as url, httpx.Client(base_url=url, trust_env=False) as client:
        yield client


def digest_of(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def descriptor(content: bytes, media_type: str) -> dict[str, Any]:
    return {"mediaType": media_type, "digest": digest_of(content), "size": len(content)}


def push_blob(registry: httpx.Client, content: bytes, repository: str = REPOSITORY) -> httpx.Response:
    return registry.post(f"{repository}/blobs/uploads/", params={"digest": digest_of(content)}, content=content)


def image(seed: str = "1", **more: Any) -> bytes:
    """The manifest of an image with one layer; the spacing is to show that bytes are kept."""
    config, layer = json.dumps({"os": "linux", "seed": seed}).encode(), f"layer {seed}".encode()
    document = {"schemaVersion": 2, "mediaType": MANIFEST, "config": descriptor(config, CONFIG)}
    return json.dumps(document | {"layers": [descriptor(layer, LAYER)]} | more, indent=3).encode()


def push_manifest(registry: httpx.Client, content: bytes, reference: str = "v1", **headers: str) -> httpx.Response:
    headers = {"Content-Type": json.loads(content)["mediaType"]} | headers
    return registry.put(f"{REPOSITORY}/manifests/{reference}", content=content, headers=headers)


def push_image(registry: httpx.Client, reference: str = "v1", seed: str = "1", **more: Any) -> str:
    push_blob(registry, json.dumps({"os": "linux", "seed": seed}).encode())
    push_blob(registry, f"layer {seed}".encode())
    answer = push_manifest(registry, image(seed, **more), reference)
    assert answer.status_code == 201, answer.text
    return answer.headers["Docker-Content-Digest"]


def code(answer: httpx.Response) -> tuple[int, str]:
    (error,) = answer.json()["errors"]
    assert error["message"]
    return answer.status_code, error["code"]


def test_a_client_can_tell_that_this_is_a_registry(registry: httpx.Client) -> None:
    answer = registry.get("/v2/")
    assert (answer.status_code, answer.headers["Docker-Distribution-API-Version"]) == (200, "registry/2.0")


def test_a_blob_is_pushed_in_one_request_and_pulled_back(registry: httpx.Client) -> None:
    pushed = push_blob(registry, b"content")
    assert pushed.status_code == 201
    pulled = registry.get(pushed.headers["Location"])
    assert (pulled.content, pulled.headers["Docker-Content-Digest"]) == (b"content", digest_of(b"content"))
    head = registry.head(pushed.headers["Location"])
    assert (head.status_code, head.headers["Content-Length"], head.content) == (200, "7", b"")


def test_a_blob_is_pushed_in_pieces_that_must_follow_each_other(registry: httpx.Client) -> None:
    begun = registry.post(f"{REPOSITORY}/blobs/uploads/")
    assert begun.status_code == 202
    where = begun.headers["Location"]
    first = registry.patch(where, content=b"con", headers={"Content-Range": "0-2"})
    assert (first.status_code, first.headers["Range"]) == (202, "0-2")
    again = registry.patch(where, content=b"con", headers={"Content-Range": "0-2"})
    assert again.status_code == 416
    status = registry.get(where)
    assert (status.status_code, status.headers["Range"]) == (204, "0-2")
    ended = registry.put(where, params={"digest": digest_of(b"content")}, content=b"tent")
    assert ended.status_code == 201
    assert registry.get(ended.headers["Location"]).content == b"content"
    assert code(registry.get(where)) == (404, "BLOB_UPLOAD_UNKNOWN")


def test_an_upload_is_thrown_away_on_request(registry: httpx.Client) -> None:
    where = registry.post(f"{REPOSITORY}/blobs/uploads/").headers["Location"]
    assert registry.delete(where).status_code == 204
    assert code(registry.put(where, params={"digest": digest_of(b"")})) == (404, "BLOB_UPLOAD_UNKNOWN")


@pytest.mark.parametrize("digest", [digest_of(b"other"), "sha256:abc", "md5:" + "a" * 32, "sha256:../../x"])
def test_a_blob_must_be_what_its_digest_says(registry: httpx.Client, digest: str) -> None:
    answer = registry.post(f"{REPOSITORY}/blobs/uploads/", params={"digest": digest}, content=b"content")
    assert code(answer) == (400, "DIGEST_INVALID")
    assert registry.head(f"{REPOSITORY}/blobs/{digest_of(b'content')}").status_code == 404


def test_a_blob_is_mounted_from_a_repository_that_has_it_and_uploaded_otherwise(registry: httpx.Client) -> None:
    push_blob(registry, b"content", "/v2/acme/base")
    asked = {"mount": digest_of(b"content"), "from": "acme/base"}
    assert registry.post("/v2/acme/other/blobs/uploads/", params=asked).status_code == 201
    assert registry.get(f"/v2/acme/other/blobs/{digest_of(b'content')}").content == b"content"
    asked["from"] = "acme/unknown"
    assert registry.post("/v2/acme/third/blobs/uploads/", params=asked).status_code == 202


def test_a_blob_of_one_repository_is_not_in_another(registry: httpx.Client) -> None:
    push_blob(registry, b"content", "/v2/acme/base")
    push_blob(registry, b"other")
    assert code(registry.get(f"{REPOSITORY}/blobs/{digest_of(b'content')}")) == (404, "BLOB_UNKNOWN")
    assert code(registry.get(f"/v2/acme/nobody/blobs/{digest_of(b'content')}")) == (404, "NAME_UNKNOWN")


def test_a_deleted_blob_is_gone_here_and_stays_elsewhere(registry: httpx.Client) -> None:
    push_blob(registry, b"content", "/v2/acme/base")
    push_blob(registry, b"content")
    blob = f"/blobs/{digest_of(b'content')}"
    assert registry.delete(REPOSITORY + blob).status_code == 202
    assert registry.head(REPOSITORY + blob).status_code == 404
    assert registry.get("/v2/acme/base" + blob).content == b"content"


def test_a_manifest_comes_back_byte_for_byte_by_tag_and_by_digest(registry: httpx.Client) -> None:
    digest = push_image(registry, "v1")
    assert digest == digest_of(image())
    for reference in ("v1", digest):
        answer = registry.get(f"{REPOSITORY}/manifests/{reference}")
        assert answer.content == image()
        assert answer.headers["Content-Type"] == MANIFEST
        assert answer.headers["Docker-Content-Digest"] == digest
        head = registry.head(f"{REPOSITORY}/manifests/{reference}")
        assert (head.status_code, head.headers["Content-Length"]) == (200, str(len(image())))


def test_a_tag_moves_to_the_manifest_pushed_last(registry: httpx.Client) -> None:
    first, second = push_image(registry, "v1", "1"), push_image(registry, "v1", "2")
    assert first != second
    assert registry.head(f"{REPOSITORY}/manifests/v1").headers["Docker-Content-Digest"] == second
    assert registry.get(f"{REPOSITORY}/manifests/{first}").content == image("1")


def test_an_immutable_tag_keeps_its_digest(registry: httpx.Client, state: RegistryState) -> None:
    state.immutable_tags = True
    first = push_image(registry, "v1", "1")
    assert push_image(registry, "v1", "1") == first
    push_image(registry, "v2", "2")
    assert code(push_manifest(registry, image("2"), "v1")) == (400, "TAG_INVALID")
    assert registry.head(f"{REPOSITORY}/manifests/v1").headers["Docker-Content-Digest"] == first


def test_a_manifest_is_refused_where_a_part_of_it_is_missing(registry: httpx.Client) -> None:
    assert code(push_manifest(registry, image())) == (404, "MANIFEST_BLOB_UNKNOWN")
    assert registry.head(f"{REPOSITORY}/manifests/v1").status_code == 404


def test_an_index_needs_its_images_and_has_none_of_the_blobs_itself(registry: httpx.Client) -> None:
    def index() -> bytes:
        listed = [descriptor(image(), MANIFEST) | {"platform": {"os": "linux", "architecture": "amd64"}}]
        return json.dumps({"schemaVersion": 2, "mediaType": INDEX, "manifests": listed}).encode()

    assert code(push_manifest(registry, index(), "all")) == (404, "MANIFEST_BLOB_UNKNOWN")
    push_image(registry)
    assert push_manifest(registry, index(), "all").status_code == 201
    assert registry.get(f"{REPOSITORY}/manifests/all").headers["Content-Type"] == INDEX


@pytest.mark.parametrize(
    ("content", "content_type"),
    [
        (b"{", MANIFEST),
        (b"[]", MANIFEST),
        (b"[" * 100_000, MANIFEST),
        (b'{"schemaVersion": 1}', MANIFEST),
        (b'{"schemaVersion": 2, "config": {"digest": ["x"], "mediaType": ""}, "layers": []}', MANIFEST),
        (b'{"schemaVersion": 2, "config": {"digest": "sha256:1", "mediaType": ""}, "layers": []}', MANIFEST),
        (image(), INDEX),
        (image(), "application/json"),
    ],
)
def test_what_is_no_manifest_is_refused(registry: httpx.Client, content: bytes, content_type: str) -> None:
    answer = registry.put(f"{REPOSITORY}/manifests/v1", content=content, headers={"Content-Type": content_type})
    assert code(answer) == (400, "MANIFEST_INVALID")


def test_a_manifest_under_the_digest_of_another_is_refused(registry: httpx.Client) -> None:
    push_image(registry)
    assert code(push_manifest(registry, image(), digest_of(b"other"))) == (400, "DIGEST_INVALID")
    assert code(push_manifest(registry, image(), "-v1")) == (400, "TAG_INVALID")


def test_a_manifest_above_four_megabytes_is_refused(registry: httpx.Client) -> None:
    big = json.dumps({"schemaVersion": 2, "mediaType": MANIFEST, "annotations": {"a": "x" * 4_200_000}}).encode()
    assert code(push_manifest(registry, big)) == (413, "SIZE_INVALID")


def test_deleting_a_tag_leaves_the_manifest_and_deleting_that_takes_its_tags(registry: httpx.Client) -> None:
    digest = push_image(registry, "v1")
    push_manifest(registry, image(), "v2")
    assert registry.delete(f"{REPOSITORY}/manifests/v1").status_code == 202
    assert registry.head(f"{REPOSITORY}/manifests/{digest}").status_code == 200
    assert registry.get(f"{REPOSITORY}/tags/list").json() == {"name": "acme/shop-api", "tags": ["v2"]}
    assert registry.delete(f"{REPOSITORY}/manifests/{digest}").status_code == 202
    assert code(registry.get(f"{REPOSITORY}/manifests/v2")) == (404, "MANIFEST_UNKNOWN")
    assert registry.get(f"{REPOSITORY}/tags/list").json()["tags"] == []


def test_tags_are_listed_in_order_and_in_pages(registry: httpx.Client) -> None:
    push_image(registry, "c")
    for tag in ("B", "a", "d"):
        push_manifest(registry, image(), tag)
    first = registry.get(f"{REPOSITORY}/tags/list", params={"n": 3})
    assert first.json()["tags"] == ["a", "B", "c"]
    second = registry.get(first.links["next"]["url"])
    assert second.json()["tags"] == ["d"]
    assert "Link" not in second.headers
    assert registry.get(f"{REPOSITORY}/tags/list", params={"n": 0}).json()["tags"] == []
    assert registry.get(f"{REPOSITORY}/tags/list", params={"last": "B"}).json()["tags"] == ["c", "d"]
    assert code(registry.get("/v2/acme/nobody/tags/list")) == (404, "NAME_UNKNOWN")


def test_what_is_said_about_an_image_is_found_by_its_digest(registry: httpx.Client) -> None:
    subject = descriptor(image(), MANIFEST)
    empty = registry.get(f"{REPOSITORY}/referrers/{subject['digest']}")
    assert (empty.status_code, empty.json()["manifests"]) == (200, [])
    # The subject may come later.
    signature = image("2", subject=subject, artifactType=BUNDLE, annotations={"by": "us"})
    push_image(registry, "signature", "2", subject=subject, artifactType=BUNDLE, annotations={"by": "us"})
    push_image(registry, "plain", "3", subject=subject)
    push_image(registry, "v1")
    found = registry.get(f"{REPOSITORY}/referrers/{subject['digest']}")
    assert found.headers["Content-Type"] == INDEX
    wanted = descriptor(signature, MANIFEST) | {"artifactType": BUNDLE, "annotations": {"by": "us"}}
    assert [each["digest"] for each in found.json()["manifests"]] == [
        digest_of(signature),
        digest_of(image("3", subject=subject)),
    ]
    assert found.json()["manifests"][0] == wanted
    # Without a type of its own, an artifact is what its config is.
    assert found.json()["manifests"][1]["artifactType"] == CONFIG
    filtered = registry.get(f"{REPOSITORY}/referrers/{subject['digest']}", params={"artifactType": BUNDLE})
    assert filtered.headers["OCI-Filters-Applied"] == "artifactType"
    assert filtered.json()["manifests"] == [wanted]
    assert code(registry.get(f"{REPOSITORY}/referrers/v1")) == (400, "DIGEST_INVALID")


def test_the_answer_to_a_manifest_with_a_subject_names_it(registry: httpx.Client) -> None:
    push_image(registry)
    push_image(registry, "other", "2")
    subject = descriptor(image("2"), MANIFEST)
    answer = push_manifest(registry, image("1", subject=subject), "about")
    assert answer.headers["OCI-Subject"] == subject["digest"]


def test_a_registry_with_a_login_serves_nobody_else(registry: httpx.Client, state: RegistryState) -> None:
    push_image(registry)
    state.login = ("ci", "correct")
    for auth in (None, ("ci", "wrong"), ("other", "correct")):
        answer = registry.get(f"{REPOSITORY}/manifests/v1", auth=auth)
        assert code(answer) == (401, "UNAUTHORIZED")
        assert answer.headers["WWW-Authenticate"].startswith("Basic ")
    assert registry.get(f"{REPOSITORY}/manifests/v1", auth=("ci", "correct")).status_code == 200


def test_a_planned_fault_is_answered_once_and_only_where_it_is_meant(
    registry: httpx.Client, state: RegistryState
) -> None:
    state.faults.answer_next(503, to="PUT /v2/acme")
    parts = (json.dumps({"os": "linux", "seed": "1"}).encode(), b"layer 1")
    assert [push_blob(registry, part).status_code for part in parts] == [201, 201]
    assert push_manifest(registry, image()).status_code == 503
    assert push_manifest(registry, image()).status_code == 201


@pytest.mark.parametrize("name", ["Acme/shop", "acme//shop", "-acme", "acme/.shop"])
def test_what_is_no_repository_name_is_refused(registry: httpx.Client, name: str) -> None:
    request = httpx.Request(
        "POST", httpx.URL(f"{registry.base_url}").copy_with(raw_path=f"/v2/{name}/blobs/uploads/".encode())
    )
    assert code(registry.send(request)) == (400, "NAME_INVALID")


def test_blobs_can_be_kept_in_a_folder(tmp_path: Path) -> None:
    with (
        serve(create_app(RegistryState(folder=tmp_path / "blobs"))) as url,
        httpx.Client(base_url=url, trust_env=False) as registry,
    ):
        where = push_blob(registry, b"content").headers["Location"]
        assert [path.read_bytes() for path in (tmp_path / "blobs").iterdir()] == [b"content"]
        assert registry.get(where).content == b"content"
        registry.delete(where)
        assert list((tmp_path / "blobs").iterdir()) == []


@pytest.mark.skipif(shutil.which("skopeo") is None, reason="skopeo is not installed")
def test_skopeo_copies_an_image_in_and_out(registry: httpx.Client, tmp_path: Path) -> None:
    host = f"{registry.base_url.host}:{registry.base_url.port}"
    layout = oci_layout(tmp_path / "layout")
    skopeo("copy", "--dest-tls-verify=false", f"oci:{layout}:v1", f"docker://{host}/acme/shop-api:v1")
    pushed = registry.head(f"{REPOSITORY}/manifests/v1").headers["Docker-Content-Digest"]
    skopeo("copy", "--src-tls-verify=false", f"docker://{host}/acme/shop-api@{pushed}", f"oci:{tmp_path / 'back'}:v1")
    assert blobs(tmp_path / "back") == blobs(layout)
    tags = skopeo("list-tags", "--tls-verify=false", f"docker://{host}/acme/shop-api")
    assert json.loads(tags)["Tags"] == ["v1"]
    skopeo("delete", "--tls-verify=false", f"docker://{host}/acme/shop-api:v1")
    assert registry.head(f"{REPOSITORY}/manifests/{pushed}").status_code == 404


def skopeo(*arguments: str) -> str:
    run = subprocess.run(
        ["skopeo", "--insecure-policy", *arguments], capture_output=True, text=True, timeout=60, check=False
    )
    assert run.returncode == 0, run.stderr
    return run.stdout


def oci_layout(folder: Path) -> Path:
    """An image of one empty layer as a folder (https://github.com/opencontainers/image-spec, image layout)."""
    # Packed already, else skopeo would do it and the digests would differ.
    layer = gzip.compress(bytes(10240), mtime=0)
    rootfs = {"type": "layers", "diff_ids": [digest_of(bytes(10240))]}
    config = json.dumps({"architecture": "amd64", "os": "linux", "config": {}, "rootfs": rootfs}).encode()
    parts = {"config": descriptor(config, CONFIG), "layers": [descriptor(layer, f"{LAYER}+gzip")]}
    manifest = json.dumps({"schemaVersion": 2, "mediaType": MANIFEST} | parts).encode()
    (folder / "blobs/sha256").mkdir(parents=True)
    for content in (layer, config, manifest):
        (folder / "blobs/sha256" / digest_of(content).removeprefix("sha256:")).write_bytes(content)
    named = descriptor(manifest, MANIFEST) | {"annotations": {"org.opencontainers.image.ref.name": "v1"}}
    (folder / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [named]}))
    (folder / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
    return folder


def blobs(layout: Path) -> set[str]:
    return {path.name for path in (layout / "blobs/sha256").iterdir()}

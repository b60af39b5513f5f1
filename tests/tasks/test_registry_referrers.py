"""What is attached to an image is found again, in registries that list referrers and in those that do not."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from prefect.logging import disable_run_logger

from blocks.registry import ContainerRegistry
from deployments.sandbox.registry.manifest import digest_of
from deployments.sandbox.registry.protocol import create_app
from deployments.sandbox.registry.state import RegistryState
from deployments.sandbox.server import serve
from tasks.domain.errors import AccessRefused, DeliveryError, EvidenceMissing
from tasks.domain.proof.bundle import BUNDLE_TYPE, verified_statements
from tasks.domain.proof.envelope import Envelope, sealed
from tasks.domain.proof.keys import new_private_key, public_half, sign_with
from tasks.domain.proof.statement import Statement
from tasks.registry.referrers import attach, read_attached

PATH = "acme/shop-api"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
PRIVATE = new_private_key()
KEY = public_half(PRIVATE, None)
GATES, SBOM = "urn:tidegate:gates:v1", "https://cyclonedx.org/bom"


@pytest.fixture(autouse=True)
def _without_a_run() -> Iterator[None]:
    with disable_run_logger():
        yield


@pytest.fixture(params=[True, False], ids=["lists referrers", "lists none"])
def state(request: pytest.FixtureRequest) -> RegistryState:
    return RegistryState(lists_referrers=request.param)


@pytest.fixture
def registry(state: RegistryState) -> Iterator[ContainerRegistry]:
    with serve(create_app(state)) as url:
        yield ContainerRegistry(url=url)


def push(state: RegistryState) -> str:
    config = b'{"os": "linux"}'
    upload = state.begin_upload(PATH)
    state.uploads.append(PATH, upload, config)
    state.end_upload(PATH, upload, digest_of(config))
    described = {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": digest_of(config), "size": 15}
    manifest = {"schemaVersion": 2, "mediaType": MANIFEST, "config": described, "layers": []}
    return state.put_manifest(PATH, "v1", json.dumps(manifest).encode(), MANIFEST).digest


def say(digest: str, kind: str, **said: str) -> tuple[Statement, Envelope]:
    statement = Statement(PATH, digest, kind, said)
    return statement, sealed(statement, lambda message: sign_with(PRIVATE, None, message))


def test_statements_are_attached_to_a_digest_and_found_by_their_type(
    state: RegistryState, registry: ContainerRegistry
) -> None:
    digest = push(state)
    gates, gates_envelope = say(digest, GATES, lint="passed")
    sbom, sbom_envelope = say(digest, SBOM, bomFormat="CycloneDX")
    attach.fn(registry, PATH, digest, gates_envelope, KEY, predicate_type=GATES)
    attach.fn(registry, PATH, digest, sbom_envelope, KEY, predicate_type=SBOM)

    assert verified_statements(read_attached.fn(registry, PATH, digest, GATES), digest, (KEY,)) == (gates,)
    everything = verified_statements(read_attached.fn(registry, PATH, digest), digest, (KEY,))
    assert set(map(str, everything)) == set(map(str, (gates, sbom)))


def test_the_same_envelope_twice_is_attached_once(state: RegistryState, registry: ContainerRegistry) -> None:
    digest = push(state)
    _, envelope = say(digest, GATES)
    first, again = (attach.fn(registry, PATH, digest, envelope, KEY, predicate_type=GATES) for _ in range(2))
    assert first == again
    assert [each.manifest for each in read_attached.fn(registry, PATH, digest)] == [first]


def test_what_others_attach_is_left_out(state: RegistryState, registry: ContainerRegistry) -> None:
    digest = push(state)
    _, envelope = say(digest, GATES)
    manifest = attach.fn(registry, PATH, digest, envelope, KEY, predicate_type=GATES)
    theirs = json.loads(state.manifest(PATH, manifest).content) | {"artifactType": "application/vnd.other"}
    state.put_manifest(PATH, digest_of(json.dumps(theirs).encode()), json.dumps(theirs).encode(), MANIFEST)
    assert [each.manifest for each in read_attached.fn(registry, PATH, digest)] == [manifest]


def test_nothing_is_attached_to_an_image_that_is_not_there(state: RegistryState, registry: ContainerRegistry) -> None:
    push(state)
    nowhere = f"sha256:{'0' * 64}"
    with pytest.raises(EvidenceMissing, match="push the image before"):
        attach.fn(registry, PATH, nowhere, say(nowhere, GATES)[1], KEY, predicate_type=GATES)
    assert read_attached.fn(registry, PATH, nowhere) == ()


def test_several_may_attach_at_once(state: RegistryState, registry: ContainerRegistry) -> None:
    if not state.lists_referrers:
        pytest.skip("a list under a tag has no lock: of two who write it at the same moment, one may be lost")
    digest = push(state)
    envelopes = [say(digest, GATES, number=str(number))[1] for number in range(4)]
    with ThreadPoolExecutor() as pool:
        list(pool.map(lambda each: attach.fn(registry, PATH, digest, each, KEY, predicate_type=GATES), envelopes))
    assert len(read_attached.fn(registry, PATH, digest)) == 4


def test_immutable_tags_take_what_is_attached_where_the_registry_lists_it(
    state: RegistryState, registry: ContainerRegistry
) -> None:
    digest = push(state)
    state.immutable_tags = True
    attach.fn(registry, PATH, digest, say(digest, GATES)[1], KEY, predicate_type=GATES)
    second = say(digest, SBOM)[1]
    if state.lists_referrers:
        attach.fn(registry, PATH, digest, second, KEY, predicate_type=SBOM)
        assert state.tags(PATH) == ["v1"]
    else:
        with pytest.raises(DeliveryError, match=r"let sha256-\* be written again"):
            attach.fn(registry, PATH, digest, second, KEY, predicate_type=SBOM)


def test_a_registry_that_lists_them_gets_no_tag_for_it(state: RegistryState, registry: ContainerRegistry) -> None:
    digest = push(state)
    manifest = attach.fn(registry, PATH, digest, say(digest, GATES)[1], KEY, predicate_type=GATES)
    document = json.loads(state.manifest(PATH, manifest).content)
    assert (document["artifactType"], document["subject"]["digest"]) == (BUNDLE_TYPE, digest)
    expected = ["v1"] if state.lists_referrers else [digest.replace(":", "-"), "v1"]
    assert state.tags(PATH) == expected


def test_a_refused_push_names_the_right(state: RegistryState, registry: ContainerRegistry) -> None:
    digest = push(state)
    state.faults.answer_next(403, to="POST /v2/")
    with pytest.raises(AccessRefused, match="the right to push"):
        attach.fn(registry, PATH, digest, say(digest, GATES)[1], KEY, predicate_type=GATES)


@pytest.mark.parametrize("status", [400, 405, 501])
def test_a_registry_that_does_not_know_the_question_keeps_the_list_under_a_tag(status: int) -> None:
    state = RegistryState(lists_referrers=False)
    with serve(create_app(state)) as url:
        registry, digest = ContainerRegistry(url=url), push(state)
        state.faults.answer_next(status, to="/referrers/", times=2)
        manifest = attach.fn(registry, PATH, digest, say(digest, GATES)[1], KEY, predicate_type=GATES)
        assert [each.manifest for each in read_attached.fn(registry, PATH, digest)] == [manifest]
        assert digest.replace(":", "-") in state.tags(PATH)


def test_more_than_an_honest_image_has_is_refused(state: RegistryState, registry: ContainerRegistry) -> None:
    digest = push(state)
    manifest = attach.fn(registry, PATH, digest, say(digest, GATES)[1], KEY, predicate_type=GATES)
    document = json.loads(state.manifest(PATH, manifest).content)
    for number in range(201):
        other = json.dumps(document | {"annotations": document["annotations"] | {"n": str(number)}}).encode()
        state.put_manifest(PATH, digest_of(other), other, MANIFEST)
    if state.lists_referrers:
        with pytest.raises(EvidenceMissing, match="more than 200 things are attached"):
            read_attached.fn(registry, PATH, digest, GATES)

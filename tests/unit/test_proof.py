"""A statement counts only when a trusted key has signed exactly these bytes about exactly this digest."""

import base64
import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.domain.errors import ConfigurationError, InvalidProof
from tasks.domain.proof.bundle import Attached, bundle_content, parse_bundle, verified_statements
from tasks.domain.proof.envelope import Envelope, authenticated, envelope_of, open_envelope, sealed
from tasks.domain.proof.keys import PublicKey, new_private_key, public_half, public_key, sign_with
from tasks.domain.proof.statement import Statement, parse_statement

DIGEST, OTHER = f"sha256:{'a' * 64}", f"sha256:{'b' * 64}"
STATEMENT = Statement("registry.example/shop-api", DIGEST, "urn:tidegate:test:v1", {"said": "yes"})
PRIVATE, STRANGE = new_private_key(), new_private_key()
KEY = public_half(PRIVATE, None)


def signed(private: str = PRIVATE, statement: Statement = STATEMENT) -> Envelope:
    return sealed(statement, lambda message: sign_with(private, None, message))


def test_what_is_signed_is_the_protocol_s_encoding() -> None:
    # The example of the specification.
    assert authenticated("http://example.com/HelloWorld", b"hello world") == (
        b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
    )


def test_a_statement_comes_out_as_it_went_in() -> None:
    assert open_envelope(signed(), DIGEST, (KEY,)) == STATEMENT
    assert json.loads(STATEMENT.content())["subject"] == [
        {"name": "registry.example/shop-api", "digest": {"sha256": "a" * 64}}
    ]


def test_a_signature_of_another_key_does_not_count() -> None:
    assert open_envelope(signed(STRANGE), DIGEST, (KEY,)) is None
    assert open_envelope(signed(STRANGE), DIGEST, (KEY, public_half(STRANGE, None))) == STATEMENT
    assert open_envelope(signed(), DIGEST, ()) is None


def test_a_statement_about_another_image_does_not_count() -> None:
    assert open_envelope(signed(), OTHER, (KEY,)) is None


@given(st.integers(min_value=0), st.integers(min_value=0, max_value=7))
def test_one_changed_bit_of_the_statement_is_enough(place: int, bit: int) -> None:
    envelope = signed()
    changed = bytearray(envelope.payload)
    changed[place % len(changed)] ^= 1 << bit
    assert open_envelope(replace(envelope, payload=bytes(changed)), DIGEST, (KEY,)) is None


def test_the_type_of_the_payload_is_signed_too() -> None:
    assert open_envelope(replace(signed(), payload_type="application/json"), DIGEST, (KEY,)) is None
    other = Envelope(STATEMENT.content(), (), "application/json")
    message = authenticated(other.payload_type, other.payload)
    assert open_envelope(replace(other, signatures=(sign_with(PRIVATE, None, message),)), DIGEST, (KEY,)) is None


def test_an_envelope_without_a_signature_does_not_count() -> None:
    assert open_envelope(replace(signed(), signatures=()), DIGEST, (KEY,)) is None
    assert open_envelope(replace(signed(), signatures=(b"", b"\x30\x00")), DIGEST, (KEY,)) is None


def test_a_bundle_names_the_key_and_carries_the_envelope() -> None:
    envelope = signed()
    content = bundle_content(envelope, KEY)
    assert parse_bundle(content) == envelope
    assert json.loads(content)["verificationMaterial"] == {"publicKey": {"hint": KEY.hint}}


def test_only_what_trusted_keys_signed_is_left_of_what_is_attached() -> None:
    broken = sealed_text("no statement at all")
    attached = [Attached("sha256:1", each) for each in (signed(STRANGE), broken, signed())]
    assert verified_statements(attached, DIGEST, iter((KEY,))) == (STATEMENT,)


def sealed_text(text: str) -> Envelope:
    envelope = Envelope(text.encode(), ())
    message = authenticated(envelope.payload_type, envelope.payload)
    return replace(envelope, signatures=(sign_with(PRIVATE, None, message),))


def test_base64_of_either_alphabet_is_read() -> None:
    document = signed().document()
    signature = base64.b64decode(document["signatures"][0]["sig"])
    document["signatures"] = [{"sig": base64.urlsafe_b64encode(signature).decode(), "keyid": "any"}]
    assert open_envelope(envelope_of(document), DIGEST, (KEY,)) == STATEMENT


@pytest.mark.parametrize(
    "document", [{}, {"payload": "e30=", "payloadType": "t", "signatures": [{"sig": "!"}]}, {"payload": 1}]
)
def test_what_is_no_envelope_is_said_to_be_none(document: dict[str, object]) -> None:
    with pytest.raises(InvalidProof, match="not a DSSE envelope"):
        envelope_of(document)


@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b'{"dsseEnvelope": 1}', b"[" * 100_000])
def test_what_is_no_bundle_is_said_to_be_none(content: bytes) -> None:
    with pytest.raises(InvalidProof):
        parse_bundle(content)


@pytest.mark.parametrize("subject", [[], [{"digest": {"sha256": "a" * 64}}] * 2, [{"digest": {"sha1": "a"}}], {}, "x"])
def test_a_statement_is_about_exactly_one_digest(subject: object) -> None:
    body = json.loads(STATEMENT.content()) | {"subject": subject}
    with pytest.raises(InvalidProof):
        parse_statement(json.dumps(body).encode())


def test_keys_are_read_in_both_forms_and_told_apart() -> None:
    assert public_key(KEY.pem()) == public_key(KEY.der) == KEY
    assert KEY.short_name != public_half(STRANGE, None).short_name


@pytest.mark.parametrize("private", ["", "nonsense", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"])
def test_a_private_key_that_cannot_be_read_says_how_to_make_one(private: str) -> None:
    with pytest.raises(ConfigurationError, match="openssl genpkey"):
        sign_with(private, None, b"")


def test_a_public_key_of_another_kind_is_refused() -> None:
    # Ed25519, from RFC 8410.
    content = "MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE="
    ed25519 = f"-----BEGIN PUBLIC KEY-----\n{content}\n-----END PUBLIC KEY-----\n"
    with pytest.raises(ConfigurationError, match="P-256"):
        public_key(ed25519)
    with pytest.raises(ConfigurationError, match="cannot be read"):
        public_key("nonsense")


def test_another_key_s_bytes_are_no_key_to_check_with() -> None:
    assert not PublicKey(public_half(STRANGE, None).der).has_signed(b"m", sign_with(PRIVATE, None, b"m"))

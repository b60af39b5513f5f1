"""A Sigstore bundle: the form in which an envelope lies in a registry, beside the image that it is about.

https://docs.sigstore.dev/about/bundle/ and https://github.com/sigstore/cosign/blob/main/specs/BUNDLE_SPEC.md; signed
with a key of our own there is no certificate and no entry in a transparency log, only a hint which key it was.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass

from tasks.domain.errors import InvalidProof
from tasks.domain.proof.envelope import Envelope, envelope_of, open_envelope
from tasks.domain.proof.keys import PublicKey
from tasks.domain.proof.statement import Statement

BUNDLE_TYPE = "application/vnd.dev.sigstore.bundle.v0.3+json"
# A registry lists annotations with the referrers: whoever looks for one type need not fetch the others.
PREDICATE_ANNOTATION = "dev.sigstore.bundle.predicateType"
_CONTENT_ANNOTATION = "dev.sigstore.bundle.content"


@dataclass(frozen=True, slots=True)
class Attached:
    """What a registry holds about an image: the manifest's digest, and an envelope that nobody has checked yet."""

    manifest: str
    envelope: Envelope


def bundle_content(envelope: Envelope, key: PublicKey) -> bytes:
    """The bundle's bytes."""
    material = {"publicKey": {"hint": key.hint}}
    body = {"mediaType": BUNDLE_TYPE, "verificationMaterial": material, "dsseEnvelope": envelope.document()}
    return json.dumps(body).encode()


def bundle_annotations(predicate_type: str) -> dict[str, str]:
    """How the bundle is listed; a hint for finding it, never evidence."""
    return {_CONTENT_ANNOTATION: "dsse-envelope", PREDICATE_ANNOTATION: predicate_type}


def parse_bundle(content: bytes) -> Envelope:
    """The envelope in a bundle's bytes; raises InvalidProof where there is none."""
    try:
        body = json.loads(content)
        return envelope_of(body["dsseEnvelope"])
    except (ValueError, KeyError, TypeError, RecursionError) as problem:
        raise InvalidProof(f"what is attached is not a Sigstore bundle with an envelope: {problem}") from problem


def verified_statements(
    attached: Iterable[Attached], digest: str, trusted: Iterable[PublicKey]
) -> tuple[Statement, ...]:
    """The statements about this digest that a trusted key has signed; everything else is left out."""
    keys = tuple(trusted)
    opened = (_opened(each, digest, keys) for each in attached)
    return tuple(statement for statement in opened if statement is not None)


def _opened(attached: Attached, digest: str, trusted: tuple[PublicKey, ...]) -> Statement | None:
    try:
        return open_envelope(attached.envelope, digest, trusted)
    except InvalidProof:
        return None

"""The DSSE envelope: a statement with its signature, and the only way to get a statement out of one again.

https://github.com/secure-systems-lab/dsse/blob/master/protocol.md and envelope.md
"""

import base64
import binascii
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from tasks.domain.errors import InvalidProof
from tasks.domain.proof.keys import PublicKey
from tasks.domain.proof.statement import PAYLOAD_TYPE, Statement, parse_statement


@dataclass(frozen=True, slots=True)
class Envelope:
    """Signed bytes; they mean nothing before open_envelope has checked who signed them."""

    payload: bytes
    signatures: tuple[bytes, ...]
    payload_type: str = PAYLOAD_TYPE

    def document(self) -> dict[str, Any]:
        """The envelope as JSON has it."""
        signatures = [{"sig": base64.b64encode(signature).decode()} for signature in self.signatures]
        payload = base64.b64encode(self.payload).decode()
        return {"payload": payload, "payloadType": self.payload_type, "signatures": signatures}

    def content(self) -> bytes:
        """The envelope's bytes, as cosign keeps them in a layer of an `.att` tag."""
        return json.dumps(self.document()).encode()


def sealed(statement: Statement, sign: Callable[[bytes], bytes]) -> Envelope:
    """The statement, signed; `sign` makes an ECDSA signature (DER) of the bytes that it is given."""
    payload = statement.content()
    return Envelope(payload, (sign(authenticated(PAYLOAD_TYPE, payload)),))


def open_envelope(envelope: Envelope, digest: str, trusted: Iterable[PublicKey]) -> Statement | None:
    """The statement, where one of the trusted keys has signed it and it is about this digest; else None.

    Raises InvalidProof where a trusted key has signed what is no statement.
    """
    message = authenticated(envelope.payload_type, envelope.payload)
    is_ours = any(key.has_signed(message, signature) for key in trusted for signature in envelope.signatures)
    if not is_ours or envelope.payload_type != PAYLOAD_TYPE:
        return None
    statement = parse_statement(envelope.payload)
    return statement if statement.digest == digest else None


def authenticated(payload_type: str, payload: bytes) -> bytes:
    """The protocol's pre-authentication encoding: what is signed in truth, so that the type cannot be exchanged."""
    kind = payload_type.encode()
    return b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(payload), payload)


def envelope_of(document: Mapping[str, Any]) -> Envelope:
    """Read an envelope's JSON; raises InvalidProof."""
    try:
        # The protocol allows both alphabets of base64.
        signatures = tuple(_decoded(each["sig"]) for each in document["signatures"])
        return Envelope(_decoded(document["payload"]), signatures, str(document["payloadType"]))
    except (KeyError, TypeError, ValueError, AttributeError) as problem:
        raise InvalidProof(f"an attestation is not a DSSE envelope: {problem}") from problem


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text.replace("-", "+").replace("_", "/"), validate=True)
    except binascii.Error as problem:
        raise ValueError("base64 is broken") from problem

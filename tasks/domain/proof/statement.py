"""An in-toto statement: one thing that is said about one digest.

https://github.com/in-toto/attestation/blob/main/spec/v1/statement.md
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tasks.domain.errors import InvalidProof
from tasks.domain.image import DIGEST

STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
PAYLOAD_TYPE = "application/vnd.in-toto+json"
# cosign wrote the version before it until 2.x, with the same fields.
_KNOWN_TYPES = {STATEMENT_TYPE, "https://in-toto.io/Statement/v0.1"}


@dataclass(frozen=True, slots=True)
class Statement:
    """What is said (`predicate`, JSON), as which type (a URI), of which image; raises InvalidProof for no digest."""

    name: str
    digest: str
    predicate_type: str
    predicate: Mapping[str, Any]

    def __post_init__(self) -> None:
        if not DIGEST.fullmatch(self.digest):
            raise InvalidProof(f"{self.digest!r} is not a digest; a statement is about sha256: and 64 digits")

    def content(self) -> bytes:
        """The bytes that are signed: the same for the same statement."""
        subject = {"name": self.name, "digest": {"sha256": self.digest.removeprefix("sha256:")}}
        body = {
            "_type": STATEMENT_TYPE,
            "subject": [subject],
            "predicateType": self.predicate_type,
            "predicate": dict(self.predicate),
        }
        return json.dumps(body, sort_keys=True, separators=(",", ":")).encode()


def parse_statement(content: bytes) -> Statement:
    """Raises InvalidProof where the bytes are no statement about exactly one SHA-256 digest."""
    try:
        body = json.loads(content)
        (subject,) = body["subject"]
        if body["_type"] not in _KNOWN_TYPES or not isinstance(body["predicate"], dict):
            raise ValueError("not an in-toto statement")
        digest = f"sha256:{subject['digest']['sha256']}"
        return Statement(str(subject.get("name", "")), digest, str(body["predicateType"]), body["predicate"])
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as problem:
        raise InvalidProof(f"an attestation holds no statement about one digest: {problem}") from problem

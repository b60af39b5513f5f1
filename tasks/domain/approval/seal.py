"""Proves to a waiting run that somebody else has verified who answers: GitHub's webhook, or the approval page.

The form's field for a code carries it. It is bound to one question of one run, which is answered once, so it is worth
nothing after that; and to the whole answer, so nobody can change a part of it.
"""

import base64
import hashlib
import hmac
import json
from dataclasses import asdict, dataclass, field
from typing import Literal

from tasks.domain.delivery.approval import Identity

_BEGINNING = "sealed."


@dataclass(frozen=True, slots=True)
class Sealed:
    """An answer whose sender is verified; `question` is that of tasks.approval.question_id."""

    question: str
    decision: Literal["approve", "reject"]
    name: str
    proof: Identity
    comment: str = field(default="")


def is_sealed(code: str) -> bool:
    """Whether this is meant to be a sealed answer, and not a one-time code."""
    return code.startswith(_BEGINNING)


def seal(answer: Sealed, secret: str) -> str:
    """The text that goes into the form's field."""
    return _BEGINNING + base64.urlsafe_b64encode(_mac(answer, secret)).decode()


def is_right(code: str, answer: Sealed, secret: str) -> bool:
    """Whether exactly this answer was sealed with the secret; in constant time."""
    return hmac.compare_digest(code.encode(), seal(answer, secret).encode())


def _mac(answer: Sealed, secret: str) -> bytes:
    content = json.dumps(asdict(answer), sort_keys=True, ensure_ascii=True).encode()
    return hmac.new(secret.encode(), b"tidegate approval v1\n" + content, hashlib.sha256).digest()

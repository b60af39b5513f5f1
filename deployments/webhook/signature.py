"""Whether a body was signed by someone who holds the webhook's secret.

https://docs.github.com/webhooks/using-webhooks/validating-webhook-deliveries
"""

import hashlib
import hmac
from collections.abc import Mapping

from tasks.domain.errors import ConfigurationError

CURRENT, PREVIOUS = "TIDEGATE_WEBHOOK_SECRET", "TIDEGATE_WEBHOOK_SECRET_PREVIOUS"


def is_signed(body: bytes, signature: str, secrets: tuple[bytes, ...]) -> bool:
    """Whether X-Hub-Signature-256 was made over exactly these bytes with one of the secrets; in constant time."""
    given = signature.encode("latin-1", errors="replace")
    # All are compared, so that the time does not tell which one fitted.
    fits = [hmac.compare_digest(given, sign(body, secret).encode()) for secret in secrets]
    return any(fits)


def sign(body: bytes, secret: bytes) -> str:
    """The value of X-Hub-Signature-256 for these bytes."""
    return f"sha256={hmac.new(secret, body, hashlib.sha256).hexdigest()}"


def read_secrets(environment: Mapping[str, str]) -> tuple[bytes, ...]:
    """The secrets that may sign: the current one, and while it is being changed also the one before.

    Raises ConfigurationError where there is no current one: without it anyone could start runs.
    """
    if not environment.get(CURRENT):
        raise ConfigurationError(f"{CURRENT} is not set; set it to the secret of the webhook at GitHub")
    return tuple(environment[name].encode() for name in (CURRENT, PREVIOUS) if environment.get(name))

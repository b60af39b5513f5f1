"""What a test can make go wrong in the GitHub stand-in."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class NextAnswer:
    """The next request whose path starts so (`/api/v3/repos/...` or `/acme/shop-api.git/...`) gets this status."""

    path: str
    status: int
    method: str | None = None


@dataclass
class Faults:
    """Switches; each stays on until it is switched off, but an entry of `next_answers` is used once."""

    next_answers: list[NextAnswer] = field(default_factory=list)
    # Seconds: every REST request is refused as a secondary rate limit does it.
    retry_after: int | None = None
    # The webhook receiver cannot be reached; deliveries are recorded as failed.
    webhooks_fail: bool = False
    # A fresh token of an App is not known to this many requests.
    unknown_tokens: int = 0

    def take(self, method: str, path: str) -> int | None:
        """The status to answer this request with, if one was ordered."""
        for ordered in self.next_answers:
            if path.startswith(ordered.path) and ordered.method in (None, method):
                self.next_answers.remove(ordered)
                return ordered.status
        return None

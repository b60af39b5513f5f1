"""The time as Kubernetes writes it: UTC in whole seconds, so that events within one second look simultaneous."""

from datetime import UTC, datetime


def timestamp(moment: datetime | None = None) -> str:
    """RFC 3339 of `moment`, or of now."""
    return (moment or datetime.now(UTC)).strftime("%Y-%m-%dT%H:%M:%SZ")

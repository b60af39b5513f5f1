"""detect-secrets' report (`detect-secrets scan`)."""

from pydantic import Field

from tasks.domain.gates.finding import Finding, Kind, Severity
from tasks.domain.reports.content import Part, read_json
from tasks.domain.reports.place import relative_path


class _Secret(Part):
    type: str
    hashed_secret: str
    line_number: int = Field(0, ge=0)
    # Somebody has looked at it: https://github.com/Yelp/detect-secrets#auditing-a-baseline
    is_secret: bool | None = None


class _Report(Part):
    version: str
    plugins_used: list[object]
    results: dict[str, list[_Secret]]


def parse_detect_secrets(report: bytes, expected: str, *, roots: tuple[str, ...] = ()) -> tuple[Finding, ...]:
    """The places where secrets were found, but those that an audit called none. Raises InvalidReport."""
    whole = read_json(report, expected, _Report, kind="detect-secrets' report")
    return tuple(
        Finding(
            tool="detect-secrets",
            rule=secret.type,
            severity=Severity.HIGH,
            message="looks like a secret",
            file=relative_path(name, roots),
            line=secret.line_number,
            kind=Kind.SECRET,
            identity=secret.hashed_secret,
        )
        for name, secrets in whole.results.items()
        for secret in secrets
        if secret.is_secret is not False
    )

"""Questions to SonarQube's web API, and what its refusals mean."""

from typing import Any

import httpx

from tasks.domain.errors import AccessRefused, Unreachable


def ask(client: httpx.Client, path: str, parameters: dict[str, str], *, right: str) -> Any:
    """The answer's JSON; None where SonarQube knows no such thing.

    Raises AccessRefused, which names the permission `right`, Unreachable, and httpx errors.
    """
    response = client.get(path, params=parameters)
    if response.status_code == httpx.codes.NOT_FOUND:
        return None
    if response.status_code in {httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN}:
        raise AccessRefused(
            f"SonarQube refuses {path} ({response.status_code}); give the block's token the permission {right!r}"
        )
    response.raise_for_status()
    try:
        return response.json()
    except ValueError as problem:
        raise Unreachable(f"SonarQube's answer to {path} is not JSON; check the block's URL") from problem

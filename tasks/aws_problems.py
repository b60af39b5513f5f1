"""Says in our own words what goes wrong when AWS is asked for a login."""

from collections.abc import Iterator
from contextlib import contextmanager

from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError
from botocore.exceptions import ConnectionError as NoConnection

from tasks.domain.errors import AccessRefused, Unreachable


@contextmanager
def aws_problems(host: str) -> Iterator[None]:
    """Raise AccessRefused or Unreachable for botocore's errors; `host` is the registry that the login is for."""
    try:
        yield
    except ClientError as problem:
        code = problem.response.get("Error", {}).get("Code", "no code")
        if (
            code.startswith("Throttling")
            or problem.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0) >= 500
        ):
            raise Unreachable(f"AWS has no time for a login to {host} ({code})") from problem
        message = f"AWS gives no login for {host} ({code}); the credentials need ecr:GetAuthorizationToken"
        raise AccessRefused(message) from problem
    except (HTTPClientError, NoConnection) as problem:
        raise Unreachable(f"AWS cannot be reached for a login to {host}; check the network and the region") from problem
    except BotoCoreError as problem:
        raise AccessRefused(
            f"AWS gives no login for {host}: {problem}; complete the AWS credentials block"
        ) from problem

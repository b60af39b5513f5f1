"""Says in our own words what goes wrong when AWS is asked for a login."""

from collections.abc import Iterator
from contextlib import contextmanager

from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError
from botocore.exceptions import ConnectionError as NoConnection

from tasks.domain.errors import AccessRefused, Unreachable


@contextmanager
def aws_problems(host: str, wanted: str = "login", right: str = "ecr:GetAuthorizationToken") -> Iterator[None]:
    """Raise AccessRefused or Unreachable for botocore's errors; `host` is the registry that `wanted` is of."""
    try:
        yield
    except ClientError as problem:
        code = problem.response.get("Error", {}).get("Code", "no code")
        if (
            code.startswith("Throttling")
            or problem.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0) >= 500
        ):
            raise Unreachable(f"AWS has no time for {wanted} of {host} ({code})") from problem
        message = f"AWS gives no {wanted} for {host} ({code}); the credentials need {right}"
        raise AccessRefused(message) from problem
    except (HTTPClientError, NoConnection) as problem:
        raise Unreachable(
            f"AWS cannot be reached for {wanted} of {host}; check the network and the region"
        ) from problem
    except BotoCoreError as problem:
        raise AccessRefused(
            f"AWS gives no {wanted} for {host}: {problem}; complete the AWS credentials block"
        ) from problem

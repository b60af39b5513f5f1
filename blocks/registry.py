"""A container registry: Amazon ECR or any other that speaks OCI distribution. Its other half is tasks.registry."""

import base64
import re
from typing import Any
from urllib.parse import urlsplit

import httpx
from prefect.blocks.core import Block
from prefect_aws import AwsCredentials
from prefect_docker import DockerRegistryCredentials
from pydantic import Field

from blocks.registry_access import RegistryAccess

_ECR_HOST = re.compile(r"[0-9]{12}\.dkr\.ecr(-fips)?\.(?P<region>[a-z0-9-]+)\.amazonaws\.com(\.cn)?")


class ContainerRegistry(Block):
    """Where images are pushed to and their digests are read back from."""

    _block_type_name = "Tidegate Container Registry"
    _block_type_slug = "tidegate-container-registry"

    url: str = Field(description="Scheme and host, such as https://123456789012.dkr.ecr.eu-central-1.amazonaws.com.")
    aws_credentials: AwsCredentials | None = Field(default=None, description="For Amazon ECR.")
    credentials: DockerRegistryCredentials | None = Field(default=None, description="For any other registry.")

    @property
    def host(self) -> str:
        """The first part of every image reference of this registry."""
        return urlsplit(self.url).netloc

    def login(self) -> tuple[str, str] | None:
        """User and password; ECR's are fetched anew each time, for they last twelve hours.

        Raises botocore's errors where AWS refuses or cannot be reached.
        https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_GetAuthorizationToken.html
        """
        if self.aws_credentials is not None:
            answer = self._ecr(self.aws_credentials).get_authorization_token()
            token = base64.b64decode(answer["authorizationData"][0]["authorizationToken"]).decode()
            username, _, password = token.partition(":")
            return username, password
        if self.credentials is not None:
            return self.credentials.username, self.credentials.password.get_secret_value()
        return None

    def ecr_client(self) -> Any:
        """A client of Amazon ECR's API; raises ValueError where the registry has no AWS credentials.

        Keys are not needed: without any the worker's own role is used, IRSA and OIDC included, and a role to assume
        where one is named.
        """
        if self.aws_credentials is None:
            raise ValueError(f"{self.host} has no AWS credentials")
        return self._ecr(self.aws_credentials)

    def get_client(self) -> httpx.Client:
        """A client of the registry's API below /v2; times out after 60 seconds."""
        return httpx.Client(base_url=f"{self.url}/v2", auth=RegistryAccess(self.login()), timeout=60)

    def _ecr(self, credentials: AwsCredentials) -> Any:
        # prefect-aws' own get_client keeps clients, and with them an assumed role that has expired.
        parameters = credentials.aws_client_parameters.get_params_override()
        named = _ECR_HOST.fullmatch(self.host)
        region = credentials.region_name or (named["region"] if named else None)
        return credentials.get_boto3_session().client("ecr", **{"region_name": region, **parameters})

"""A container registry: Amazon ECR or any other that speaks OCI distribution. Its other half is tasks.registry."""

import base64
from urllib.parse import urlsplit

import httpx
from prefect.blocks.core import Block
from prefect_aws import AwsCredentials
from prefect_docker import DockerRegistryCredentials
from pydantic import Field

from blocks.registry_access import RegistryAccess


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

        https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_GetAuthorizationToken.html
        """
        if self.aws_credentials is not None:
            answer = self.aws_credentials.get_boto3_session().client("ecr").get_authorization_token()
            token = base64.b64decode(answer["authorizationData"][0]["authorizationToken"]).decode()
            username, _, password = token.partition(":")
            return username, password
        if self.credentials is not None:
            return self.credentials.username, self.credentials.password.get_secret_value()
        return None

    def get_client(self) -> httpx.Client:
        """A client of the registry's API below /v2; times out after 60 seconds."""
        return httpx.Client(base_url=f"{self.url}/v2", auth=RegistryAccess(self.login()), timeout=60)

"""A Prometheus server, or what answers its API, such as Thanos or Mimir. Its other half is tasks.prometheus."""

from typing import Self

import httpx
from prefect.blocks.core import Block
from pydantic import Field, SecretStr, model_validator


class PrometheusServer(Block):
    """Where metrics are asked for; without a token and a user name it is asked without credentials."""

    _block_type_name = "Tidegate Prometheus Server"
    _block_type_slug = "tidegate-prometheus-server"

    url: str = Field(description="With the path prefix where there is one, without a final slash.")
    token: SecretStr | None = Field(default=None, description="Sent as a bearer token.")
    username: str | None = Field(default=None, description="For basic authentication.")
    password: SecretStr | None = Field(default=None, description="Goes with the user name.")
    ca_bundle: str | None = Field(default=None, description="A file with the certificates that sign the server's.")

    @model_validator(mode="after")
    def _has_one_login(self) -> Self:
        if self.token and self.username:
            raise ValueError("give either a token or a user name, not both")
        if bool(self.username) != bool(self.password):
            raise ValueError("a user name and a password go together")
        return self

    def get_client(self) -> httpx.Client:
        """A client of the HTTP API below /api/v1; redirects are not followed, so credentials stay with this host."""
        login = None
        if self.username and self.password:
            login = httpx.BasicAuth(self.username, self.password.get_secret_value())
        headers = {"Authorization": f"Bearer {self.token.get_secret_value()}"} if self.token else {}
        verify = self.ca_bundle or True
        return httpx.Client(base_url=f"{self.url}/api/v1", headers=headers, auth=login, verify=verify, timeout=30)

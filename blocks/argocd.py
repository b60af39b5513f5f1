"""An Argo CD server. Its other half is tasks.argocd."""

import httpx
from prefect.blocks.core import Block
from pydantic import Field, SecretStr

_TIMEOUT_SECONDS = 30


class ArgoCDServer(Block):
    """Where rollouts are observed; for auto-synced applications the token needs `applications, get`, nothing more."""

    _block_type_name = "Tidegate Argo CD Server"
    _block_type_slug = "tidegate-argocd-server"

    url: str = Field(description="With the root path where there is one, without a final slash.")
    token: SecretStr = Field(description="A local account's or a project role's token.")
    ca_bundle: str | None = Field(default=None, description="A file with the certificates that sign the server's.")
    web_url: str | None = Field(default=None, description="Where people open it, if not at `url`.")

    def get_client(self) -> httpx.Client:
        """A client of the REST API below /api/v1; times out after 30 seconds, because a refresh may hang for ever.

        Every request carries a JSON content type: Argo CD answers 415 to a body-less DELETE or POST without one.
        Redirects are not followed, so the token never leaves for another host.
        """
        return httpx.Client(
            base_url=self._base_url, headers=self._headers, verify=self.ca_bundle or True, timeout=_TIMEOUT_SECONDS
        )

    def get_async_client(self) -> httpx.AsyncClient:
        """The same for asyncio: the event stream is read there."""
        return httpx.AsyncClient(
            base_url=self._base_url, headers=self._headers, verify=self.ca_bundle or True, timeout=_TIMEOUT_SECONDS
        )

    @property
    def _base_url(self) -> str:
        return f"{self.url}/api/v1"

    @property
    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token.get_secret_value()}", "Content-Type": "application/json"}

"""A SonarQube server. Its other half is tasks.sonarqube."""

import httpx
from prefect.blocks.core import Block
from pydantic import Field, SecretStr


class SonarQubeServer(Block):
    """Where analyses are computed; the token needs Execute Analysis and Browse on the project."""

    _block_type_name = "Tidegate SonarQube Server"
    _block_type_slug = "tidegate-sonarqube-server"

    url: str = Field(description="Without a final slash.")
    token: SecretStr = Field(description="A project analysis token or a user token.")

    def get_client(self) -> httpx.Client:
        """A client of the web API below /api; times out after 30 seconds."""
        headers = {"Authorization": f"Bearer {self.token.get_secret_value()}"}
        return httpx.Client(base_url=f"{self.url}/api", headers=headers, timeout=30)

    def scanner_environment(self) -> dict[str, str]:
        """What a scanner needs to report here (https://docs.sonarsource.com, analysis parameters)."""
        return {"SONAR_HOST_URL": self.url, "SONAR_TOKEN": self.token.get_secret_value()}

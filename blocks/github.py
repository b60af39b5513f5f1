"""A GitHub server: github.com, GitHub Enterprise or the sandbox's. Its other half is tasks.github."""

import httpx
from prefect.blocks.core import Block
from prefect_github import GitHubCredentials
from pydantic import Field

from blocks.git_access import git_environment


class GitHub(Block):
    """Where application repositories live, and the credentials to read them and report back."""

    _block_type_name = "Tidegate GitHub"
    _block_type_slug = "tidegate-github"

    api_url: str = Field(default="https://api.github.com", description="REST API, without a final slash.")
    web_url: str = Field(default="https://github.com", description="Where repositories are cloned and looked at.")
    credentials: GitHubCredentials = Field(description="The token that reads code and writes commit statuses.")

    def get_client(self) -> httpx.Client:
        """A client of the REST API (https://docs.github.com/rest); times out after 30 seconds."""
        headers = {"Accept": "application/vnd.github+json", "X-GitHub-Api-Version": "2022-11-28"}
        if token := self._token():
            headers["Authorization"] = f"Bearer {token}"
        return httpx.Client(base_url=self.api_url, headers=headers, timeout=30)

    def clone_url(self, repository: str) -> str:
        """Where `OWNER/NAME` is cloned from; never taken from a payload."""
        return f"{self.web_url}/{repository}.git"

    def git_environment(self) -> dict[str, str]:
        """The environment in which git may read this server's repositories."""
        return git_environment(self.web_url, "x-access-token", self._token())

    def _token(self) -> str | None:
        return self.credentials.token.get_secret_value() if self.credentials.token else None

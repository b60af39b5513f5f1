"""A GitHub server: github.com, GitHub Enterprise or the sandbox's. Its other half is tasks.github."""

import hashlib
from typing import Self

import httpx
from prefect.blocks.core import Block
from prefect_github import GitHubCredentials
from pydantic import ConfigDict, Field, SecretStr, field_validator, model_validator

from blocks.git_access import git_environment
from blocks.github_app import ACCEPT, GitHubApp, InstallationAuth, Rights, checked_key

# What Tidegate does with an application's repository; git is given no more than it needs to read it.
WORK: Rights = {"contents": "read", "checks": "write", "pull_requests": "write", "deployments": "write"}
READ: Rights = {"contents": "read"}


class GitHub(Block):
    """Where application repositories live, and the credentials to read them and report back: an App, or a token."""

    _block_type_name = "Tidegate GitHub"
    _block_type_slug = "tidegate-github"

    # A refused key must not stand in the error.
    model_config = ConfigDict(hide_input_in_errors=True)

    api_url: str = Field(default="https://api.github.com", description="REST API, without a final slash.")
    web_url: str = Field(default="https://github.com", description="Where repositories are cloned and looked at.")
    credentials: GitHubCredentials | None = Field(
        default=None, description="The token that reads code and writes commit statuses; not used where an App is."
    )
    app_id: str | None = Field(default=None, description="The GitHub App's id, or better its client id.")
    installation_id: int | None = Field(
        default=None, description="Left out: found by the repository that is asked for."
    )
    private_key: SecretStr | None = Field(default=None, description="The App's private key, in PEM.")

    @field_validator("private_key")
    @classmethod
    def _is_a_key(cls, key: SecretStr | None) -> SecretStr | None:
        return SecretStr(checked_key(key.get_secret_value())) if key else None

    @model_validator(mode="after")
    def _has_credentials(self) -> Self:
        if bool(self.app_id) != bool(self.private_key):
            raise ValueError("the id of the App and its private key go together; give both")
        if not self.app_id and self.credentials is None:
            raise ValueError("neither a token nor an App is given; give one of them")
        return self

    @property
    def app(self) -> GitHubApp | None:
        """The App that Tidegate is here; None where it has a token."""
        if not self.app_id or not self.private_key:
            return None
        return GitHubApp(self.api_url, self.app_id, self.private_key.get_secret_value(), self.installation_id)

    @property
    def fingerprint(self) -> str:
        """Tells one server and account from another, and shows nothing of their secrets."""
        secret = self.private_key.get_secret_value() if self.private_key else self._token()
        return hashlib.sha256(f"{self.api_url} {self.app_id} {secret}".encode()).hexdigest()

    def get_client(self, repository: str | None = None, rights: Rights = WORK) -> httpx.Client:
        """A client of the REST API (https://docs.github.com/rest); times out after 30 seconds.

        An App's requests may do nothing but `rights` in this one repository; a token is what it is. They raise
        blocks.github_app.AppRefused where GitHub does not let the App in.
        """
        if app := self.app:
            auth = InstallationAuth(app, repository, rights)
            return httpx.Client(base_url=self.api_url, headers=ACCEPT, auth=auth, timeout=30)
        token = self._token()
        headers = {**ACCEPT, "Authorization": f"Bearer {token}"} if token else ACCEPT
        return httpx.Client(base_url=self.api_url, headers=headers, timeout=30)

    def clone_url(self, repository: str) -> str:
        """Where `OWNER/NAME` is cloned from; never taken from a payload."""
        return f"{self.web_url}/{repository}.git"

    def git_environment(self, repository: str | None = None) -> dict[str, str]:
        """The environment in which git may read this repository; raises as a request of get_client's does."""
        return git_environment(self.web_url, "x-access-token", self.token(repository, READ))

    def token(self, repository: str | None, rights: Rights) -> str | None:
        """The password of git with this repository, an App's for just these rights; raises as get_client's requests."""
        return self.app.token(repository, rights) if self.app else self._token()

    def _token(self) -> str | None:
        token = self.credentials.token if self.credentials else None
        return token.get_secret_value() if token else None

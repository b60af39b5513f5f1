"""The GitOps repository: the desired state of every environment. Its other half is tasks.gitops."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Self
from urllib.parse import urlsplit

from prefect.blocks.core import Block
from pydantic import ConfigDict, Field, SecretStr, field_validator, model_validator

from blocks.git_access import git_environment, private_files, ssh_command, with_settings
from blocks.github import GitHub
from blocks.github_app import Rights

_WRITE: Rights = {"contents": "write"}


class GitOpsRepository(Block):
    """The repository that Argo CD applies, and who Tidegate is there to it."""

    _block_type_name = "Tidegate GitOps Repository"
    _block_type_slug = "tidegate-gitops-repository"

    # A refused URL may have a secret in it, which must not stand in the error.
    model_config = ConfigDict(hide_input_in_errors=True)

    url: str = Field(description="What git clones: https, ssh or file; without credentials in it.")
    branch: str = Field(
        default="main", description="The branch that Argo CD follows.", pattern=r"^[A-Za-z0-9._/][A-Za-z0-9._/-]*$"
    )
    username: str = Field(default="x-access-token", description="The user that goes with the token over HTTPS.")
    token: SecretStr | None = Field(default=None, description="Pushes to the branch over HTTPS.")
    github: GitHub | None = Field(
        default=None,
        description="Whose App or token pushes, where no token is given and it has the repository.",
    )
    ssh_key: SecretStr | None = Field(default=None, description="A private key without a passphrase, for SSH.")
    ssh_known_hosts: str | None = Field(
        default=None, description="Lines of a known_hosts file; over SSH, no other host is believed."
    )
    signing_key: SecretStr | None = Field(
        default=None, description="A private SSH key without a passphrase that signs every commit."
    )
    committer_name: str = Field(default="Tidegate", min_length=1)
    committer_email: str = Field(default="tidegate@localhost", min_length=1)
    web_url: str | None = Field(default=None, description="Where people look at commits, for links.")

    @field_validator("url")
    @classmethod
    def _has_no_secret(cls, url: str) -> str:
        parts = urlsplit(url)
        if parts.password or (parts.scheme in {"http", "https"} and parts.username):
            raise ValueError("has credentials in it; give them as username and token")
        return url

    @model_validator(mode="after")
    def _knows_its_host(self) -> Self:
        if self.ssh_key and not self.ssh_known_hosts:
            raise ValueError("a key for SSH needs the known hosts; give the lines that `ssh-keyscan HOST` prints")
        return self

    @property
    def name_on_github(self) -> str | None:
        """OWNER/NAME, as the address says it; None where it does not look like a repository's address on GitHub."""
        _, _, path = self.url.partition("://")
        # HOST/OWNER/NAME, or git's short form for SSH: USER@HOST:OWNER/NAME
        parts = (path or self.url.replace(":", "/", 1)).removesuffix("/").removesuffix(".git").split("/")
        return "/".join(parts[1:]) if len(parts) == 3 and all(parts) else None

    @contextmanager
    def open_git(self) -> Iterator[dict[str, str]]:
        """The environment for git: access to the remote, and an identity, so that the machine needs none.

        Good until the block ends, when the keys are gone from this machine. Raises blocks.github_app.AppRefused where
        GitHub does not let the App in.
        """
        keys = {"ssh": self.ssh_key, "signing": self.signing_key}
        texts = {name: key.get_secret_value() for name, key in keys.items() if key}
        if self.ssh_known_hosts:
            texts["known_hosts"] = self.ssh_known_hosts
        environment = git_environment(self.url, self.username, self._token()) | {
            "GIT_AUTHOR_NAME": self.committer_name,
            "GIT_AUTHOR_EMAIL": self.committer_email,
            "GIT_COMMITTER_NAME": self.committer_name,
            "GIT_COMMITTER_EMAIL": self.committer_email,
        }
        if not texts:
            yield environment
            return
        with private_files(texts) as files:
            if self.ssh_key:
                environment["GIT_SSH_COMMAND"] = ssh_command(files["ssh"], files["known_hosts"])
            if self.signing_key:
                # https://git-scm.com/docs/git-config, gpg.format: a key in a file needs no agent.
                signing = {"gpg.format": "ssh", "user.signingKey": str(files["signing"])}
                environment = with_settings(environment, signing)
            yield environment

    def _token(self) -> str | None:
        if self.token:
            return self.token.get_secret_value()
        # A token goes to its own server and to no other.
        if self.github and self.url.startswith(f"{self.github.web_url}/"):
            return self.github.token(self.name_on_github, _WRITE)
        return None

"""The GitOps repository: the desired state of every environment. Its other half is tasks.gitops."""

from urllib.parse import urlsplit

from prefect.blocks.core import Block
from pydantic import ConfigDict, Field, SecretStr, field_validator

from blocks.git_access import git_environment


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
    token: SecretStr | None = Field(default=None, description="Pushes to the branch; not needed over SSH.")
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

    def git_environment(self) -> dict[str, str]:
        """The environment for git: access to the remote, and an identity, so that the machine needs none."""
        token = self.token.get_secret_value() if self.token else None
        return git_environment(self.url, self.username, token) | {
            "GIT_AUTHOR_NAME": self.committer_name,
            "GIT_AUTHOR_EMAIL": self.committer_email,
            "GIT_COMMITTER_NAME": self.committer_name,
            "GIT_COMMITTER_EMAIL": self.committer_email,
        }

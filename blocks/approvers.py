"""People who may approve, and what proves an approval to be theirs. Its other half is tasks.approval.codes."""

from prefect.blocks.core import Block
from pydantic import ConfigDict, Field, SecretStr


class Approver(Block):
    """One person and the secret in their authenticator; made by `tidegate approver add`."""

    _block_type_name = "Tidegate Approver"
    _block_type_slug = "tidegate-approver"

    model_config = ConfigDict(hide_input_in_errors=True)

    name: str = Field(description="As they sign, and as the delivery configuration names them.", min_length=1)
    github_login: str = Field(default="", description="Their account; what it wrote is theirs, and so are its teams.")
    email: str = Field(default="", description="The address in their commits.")
    secret: SecretStr = Field(description="Shared with their authenticator, in base 32 (RFC 6238).")

    @property
    def aliases(self) -> frozenset[str]:
        """Their other names."""
        return frozenset(alias for alias in (self.github_login, self.email) if alias)


class ApprovalSeal(Block):
    """What proves to a waiting run that an answer came through Tidegate's webhook or approval page."""

    _block_type_name = "Tidegate Approval Seal"
    _block_type_slug = "tidegate-approval-seal"

    model_config = ConfigDict(hide_input_in_errors=True)

    secret: SecretStr = Field(description="Made by `tidegate register`; at least 32 random characters.", min_length=32)

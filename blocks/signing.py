"""The key that signs what is said of images: a private key, or one in AWS KMS. Its other half is tasks.signing."""

from typing import Any, Self

from prefect.blocks.core import Block
from prefect_aws import AwsCredentials
from pydantic import Field, SecretStr, model_validator


class SigningKey(Block):
    """A key for ECDSA on P-256 with SHA-256; whoever only verifies needs its public half alone."""

    _block_type_name = "Tidegate Signing Key"
    _block_type_slug = "tidegate-signing-key"

    private_key: SecretStr | None = Field(default=None, description="PKCS #8 in PEM; not for a key in AWS KMS.")
    password: SecretStr | None = Field(default=None, description="Of the private key, where it is encrypted.")
    kms_key: str | None = Field(default=None, description="Key id, ARN or alias/NAME in AWS KMS (ECC_NIST_P256).")
    aws_credentials: AwsCredentials | None = Field(default=None, description="For AWS KMS: kms:Sign, kms:GetPublicKey.")
    also_trusted: str = Field(default="", description="Public keys in PEM whose signatures count too: those before.")

    @model_validator(mode="after")
    def _is_one_key(self) -> Self:
        if self.private_key is not None and self.kms_key:
            raise ValueError("give a private key or a key in AWS KMS, not both")
        return self

    def get_client(self) -> Any:
        """A client of AWS KMS; raises botocore's errors where there are no credentials."""
        credentials = self.aws_credentials or AwsCredentials()
        parameters = credentials.aws_client_parameters.get_params_override()
        # An ARN says its region, which then is the right one.
        named = (self.kms_key or "").split(":")
        region = named[3] if len(named) > 3 else credentials.region_name
        return credentials.get_boto3_session().client("kms", **{"region_name": region, **parameters})

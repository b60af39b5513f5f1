"""How an application's images are signed, and what is verified before one is promoted."""

from pydantic import Field

from tasks.domain.configuration.checked_text import Name
from tasks.domain.configuration.part import Part, Text


class Proof(Part):
    """With this, an image is signed when it is built, and every promotion verifies who signed what about it."""

    key: Name = Field("signing", description="The SigningKey block that signs, and whose public half is trusted.")
    builder: Text = Field(
        "urn:tidegate:builder", description="The URI by which the provenance names this Tidegate as the builder."
    )
    sbom: bool = Field(default=True, description="Attach an SBOM in CycloneDX and in SPDX, made with syft.")

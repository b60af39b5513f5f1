"""Which statements are kept about an image, by the URI of what they carry."""

# What `cosign verify` looks for: the statement itself is the signature of the image, and says nothing more.
# https://github.com/sigstore/cosign/blob/main/specs/COSIGN_PREDICATE_SPEC.md names cosign's others.
SIGNATURE = "https://sigstore.dev/cosign/sign/v1"
PROVENANCE = "https://slsa.dev/provenance/v1"
CYCLONEDX = "https://cyclonedx.org/bom"
SPDX = "https://spdx.dev/Document"
GATES = "urn:tidegate:gates:v1"
APPROVAL = "urn:tidegate:approval:v1"

"""What can go wrong, split by what the reader has to do about it.

A failed gate, a missing approval or an unhealthy rollout is not an error: it is a value with a reason.
"""


class DeliveryError(Exception):
    """Base of all: the message says what happened and what to do, and is always safe to show."""


class ConfigurationError(DeliveryError):
    """The delivery configuration, a block or a flow parameter is wrong; correct it, a retry does not help."""


class InvalidImageReference(DeliveryError):
    """A text that should name an image does not."""


class InvalidManifest(DeliveryError):
    """A file in the GitOps repository cannot be edited as asked; the message names file, line or key."""


class InvalidReport(DeliveryError):
    """A tool's report is missing, empty, truncated or not in its format; the message names the expected file."""


class InvalidProof(DeliveryError):
    """A signature, an attestation or an SBOM is not in its format; the message says which part of it."""


class DesiredStateConflict(DeliveryError):
    """The GitOps branch moved each time the change was pushed; read again and decide again."""


class EvidenceMissing(DeliveryError):
    """A fact that a decision needs cannot be had; stop, do not guess."""


class AccessRefused(DeliveryError):
    """An outside system refused our credentials; the message says which right is missing."""


class Unreachable(DeliveryError):
    """An outside system gave no usable answer; the one error of ours that is worth a retry."""

"""The secret with which the webhook and the approval page vouch for who answers; made once, by `tidegate register`."""

import secrets
from typing import cast

from pydantic import SecretStr

from blocks.approvers import ApprovalSeal
from flows.promotion.people import SEAL
from tasks.domain.errors import ConfigurationError


def make_seal() -> list[str]:
    """Make the block unless it is there; gives what was made, in words."""
    ApprovalSeal.register_type_and_schema()
    try:
        ApprovalSeal.load(SEAL)
    except ValueError:
        ApprovalSeal(secret=SecretStr(secrets.token_urlsafe(48))).save(SEAL)
        return [f"block {SEAL} ({ApprovalSeal.get_block_type_slug()}): a new secret"]
    return []


def read_seal() -> str:
    """The secret; raises ConfigurationError where it was never made."""
    try:
        return cast(ApprovalSeal, ApprovalSeal.load(SEAL)).secret.get_secret_value()
    except ValueError:
        sentence = f"block {ApprovalSeal.get_block_type_slug()}/{SEAL} is not there; run `tidegate register`"
        raise ConfigurationError(sentence) from None

"""Signs statements and payloads with a SigningKey block, and tells which keys are trusted; AWS KMS never gives its key.

https://docs.aws.amazon.com/kms/latest/APIReference/API_Sign.html
"""

import hashlib
import re
from collections.abc import Iterator
from contextlib import contextmanager

from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError
from botocore.exceptions import ConnectionError as NoConnection
from pydantic import SecretStr

from blocks.signing import SigningKey
from tasks.domain.errors import AccessRefused, ConfigurationError, Unreachable
from tasks.domain.proof.envelope import Envelope, sealed
from tasks.domain.proof.keys import PublicKey, public_half, public_key, sign_with
from tasks.domain.proof.statement import Statement
from tasks.retry import outside_task

_PEM = re.compile(r"-----BEGIN PUBLIC KEY-----.*?-----END PUBLIC KEY-----", re.DOTALL)
_TRY_LATER = ("Throttling", "KMSInternal", "DependencyTimeout", "KeyUnavailable")


@outside_task("sign {statement.predicate_type}")
def seal(key: SigningKey, statement: Statement) -> Envelope:
    """The statement in a signed envelope; raises ConfigurationError, AccessRefused and Unreachable."""
    return sealed(statement, lambda message: _sign(key, message))


@outside_task("sign a payload")
def sign_payload(key: SigningKey, payload: bytes) -> bytes:
    """The ECDSA signature (DER) of the bytes; raises as seal does."""
    return _sign(key, payload)


@outside_task("read the trusted keys")
def read_trusted_keys(key: SigningKey) -> tuple[PublicKey, ...]:
    """The public half of the key itself, then the others that the block trusts.

    Raises ConfigurationError where the block holds none, AccessRefused and Unreachable.
    """
    itself = [_public(key)] if key.private_key or key.kms_key else []
    others = _PEM.findall(_lines(key.also_trusted))
    if key.also_trusted.strip() and not others:
        raise ConfigurationError("also_trusted of the signing key holds no public key; give them in PEM")
    if not itself and not others:
        raise ConfigurationError("the signing key's block holds no key; set a private key or one in AWS KMS")
    return (*itself, *(public_key(pem) for pem in others))


def _public(key: SigningKey) -> PublicKey:
    if key.private_key is not None:
        return public_half(_pem(key.private_key), _password(key))
    with _kms_problems(key, "kms:GetPublicKey"):
        return public_key(key.get_client().get_public_key(KeyId=key.kms_key)["PublicKey"])


def _sign(key: SigningKey, message: bytes) -> bytes:
    if key.private_key is not None:
        return sign_with(_pem(key.private_key), _password(key), message)
    if not key.kms_key:
        raise ConfigurationError("the signing key's block cannot sign; set a private key or one in AWS KMS")
    with _kms_problems(key, "kms:Sign"):
        answer = key.get_client().sign(
            KeyId=key.kms_key,
            # A statement may be larger than the 4096 bytes that KMS takes.
            Message=hashlib.sha256(message).digest(),
            MessageType="DIGEST",
            SigningAlgorithm="ECDSA_SHA_256",
        )
    signature: bytes = answer["Signature"]
    return signature


def _pem(private_key: SecretStr) -> str:
    return _lines(private_key.get_secret_value())


def _lines(pem: str) -> str:
    # Environment variables often hold a PEM file in one line.
    return pem.replace("\\n", "\n")


def _password(key: SigningKey) -> str | None:
    return key.password.get_secret_value() if key.password else None


@contextmanager
def _kms_problems(key: SigningKey, right: str) -> Iterator[None]:
    try:
        yield
    except ClientError as problem:
        code = problem.response.get("Error", {}).get("Code", "no code")
        if code.startswith(_TRY_LATER):
            raise Unreachable(f"AWS KMS has no time for the key {key.kms_key} ({code})") from problem
        message = f"AWS KMS refuses the key {key.kms_key} ({code}); the credentials need {right} on it"
        raise AccessRefused(f"{message}, and it has to be an enabled ECC_NIST_P256 key for signing") from problem
    except (HTTPClientError, NoConnection) as problem:
        raise Unreachable("AWS KMS cannot be reached; check the network and the region") from problem
    except BotoCoreError as problem:
        raise AccessRefused(f"AWS KMS cannot be asked: {problem}; complete the AWS credentials block") from problem

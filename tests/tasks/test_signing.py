"""Statements are signed with a private key or one in AWS KMS, and checked with the public half alone."""

import hashlib
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from cryptography.hazmat.primitives import serialization
from moto.server import ThreadedMotoServer
from prefect.logging import disable_run_logger
from prefect_aws import AwsCredentials
from pydantic import SecretStr, ValidationError

from blocks.signing import SigningKey
from tasks.domain.errors import AccessRefused, ConfigurationError, Unreachable
from tasks.domain.proof.envelope import authenticated, open_envelope
from tasks.domain.proof.keys import new_private_key, public_half
from tasks.domain.proof.statement import Statement
from tasks.signing import read_trusted_keys, seal

STATEMENT = Statement("shop-api", f"sha256:{'a' * 64}", "urn:tidegate:test:v1", {"long": "x" * 10_000})
AWS = {"aws_access_key_id": "id", "aws_secret_access_key": "key", "region_name": "eu-central-1"}


@pytest.fixture(autouse=True)
def _without_a_run() -> Iterator[None]:
    with disable_run_logger():
        yield


@pytest.fixture(scope="module")
def aws() -> Iterator[str]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


def in_kms(endpoint: str, key: str, **settings: Any) -> SigningKey:
    parameters = {"aws_client_parameters": {"endpoint_url": endpoint}}
    return SigningKey(kms_key=key, aws_credentials=AwsCredentials.model_validate(AWS | parameters | settings))


def make_kms_key(endpoint: str, spec: str = "ECC_NIST_P256") -> str:
    names = {"aws_access_key_id": "id", "aws_secret_access_key": "key"}
    client = boto3.client("kms", endpoint_url=endpoint, region_name="eu-central-1", **names)
    arn: str = client.create_key(KeyUsage="SIGN_VERIFY", KeySpec=spec)["KeyMetadata"]["Arn"]
    return arn


def test_a_private_key_signs_and_its_public_half_is_trusted() -> None:
    key = SigningKey(private_key=SecretStr(new_private_key()))
    assert open_envelope(seal.fn(key, STATEMENT), STATEMENT.digest, read_trusted_keys.fn(key)) == STATEMENT


def test_an_encrypted_key_needs_its_password() -> None:
    plain = serialization.load_pem_private_key(new_private_key().encode(), None)
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8)
    pem = SecretStr(plain.private_bytes(*form, serialization.BestAvailableEncryption(b"right")).decode())
    key = SigningKey(private_key=pem, password=SecretStr("right"))
    assert open_envelope(seal.fn(key, STATEMENT), STATEMENT.digest, read_trusted_keys.fn(key)) == STATEMENT
    for password in (None, SecretStr("wrong")):
        with pytest.raises(ConfigurationError, match="check its password") as error:
            seal.fn(SigningKey(private_key=pem, password=password), STATEMENT)
        assert "wrong" not in str(error.value)


def test_a_key_in_aws_kms_signs_statements_of_any_size(aws: str) -> None:
    key = in_kms(aws, make_kms_key(aws))
    envelope, (public,) = seal.fn(key, STATEMENT), read_trusted_keys.fn(key)
    # AWS signs the digest that it is given as it is; moto takes it for the message, and hashes it once more.
    given = hashlib.sha256(authenticated(envelope.payload_type, envelope.payload)).digest()
    assert public.has_signed(given, envelope.signatures[0])


def test_the_region_of_a_kms_key_is_the_one_in_its_name(aws: str) -> None:
    key = in_kms(aws, make_kms_key(aws), region_name="us-east-1")
    assert len(read_trusted_keys.fn(key)) == 1


def test_a_kms_key_of_another_kind_is_refused(aws: str) -> None:
    with pytest.raises(ConfigurationError, match="ECC_NIST_P256"):
        read_trusted_keys.fn(in_kms(aws, make_kms_key(aws, "ECC_NIST_P384")))


def test_a_kms_key_that_is_not_there_names_the_right(aws: str) -> None:
    with pytest.raises(AccessRefused, match="kms:Sign"):
        seal.fn(in_kms(aws, "alias/nothing"), STATEMENT)
    with pytest.raises(AccessRefused, match="kms:GetPublicKey"):
        read_trusted_keys.fn(in_kms(aws, "alias/nothing"))


def test_aws_kms_out_of_reach_may_be_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    with pytest.raises(Unreachable, match="AWS KMS cannot be reached"):
        seal.fn(in_kms("http://127.0.0.1:1", "alias/key"), STATEMENT)


def test_signatures_of_the_keys_before_still_count() -> None:
    before = new_private_key()
    key = SigningKey(private_key=SecretStr(new_private_key()), also_trusted=public_half(before, None).pem() * 2)
    old = seal.fn(SigningKey(private_key=SecretStr(before)), STATEMENT)
    assert open_envelope(old, STATEMENT.digest, read_trusted_keys.fn(key)) == STATEMENT


def test_whoever_only_verifies_needs_no_private_key() -> None:
    private = new_private_key()
    verifier = SigningKey(also_trusted=public_half(private, None).pem())
    assert read_trusted_keys.fn(verifier) == (public_half(private, None),)
    with pytest.raises(ConfigurationError, match="cannot sign"):
        seal.fn(verifier, STATEMENT)


def test_a_block_without_any_key_or_with_two_says_so() -> None:
    with pytest.raises(ConfigurationError, match="holds no key"):
        read_trusted_keys.fn(SigningKey())
    with pytest.raises(ConfigurationError, match="holds no public key"):
        read_trusted_keys.fn(SigningKey(also_trusted="nonsense"))
    with pytest.raises(ValidationError, match="not both"):
        SigningKey(private_key=SecretStr("a"), kms_key="b")

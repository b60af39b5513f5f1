"""Signing keys: ECDSA on the curve P-256 with SHA-256, which is what cosign makes and checks by default."""

import base64
import hashlib
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tasks.domain.errors import ConfigurationError

_ECDSA = ec.ECDSA(hashes.SHA256())
_HOW_TO_MAKE = "make one with `openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -aes256`"


@dataclass(frozen=True, slots=True)
class PublicKey:
    """What a signature is checked with; made by public_key, which sees that it is one."""

    der: bytes

    @property
    def hint(self) -> str:
        """How cosign's bundles name the key: the SHA-256 of its DER form, in base64."""
        return base64.b64encode(hashlib.sha256(self.der).digest()).decode()

    @property
    def short_name(self) -> str:
        """How people tell keys apart."""
        return hashlib.sha256(self.der).hexdigest()[:12]

    def pem(self) -> str:
        """What `cosign verify --key` is given as a file."""
        key = serialization.load_der_public_key(self.der)
        encoding, form = serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        return key.public_bytes(encoding, form).decode()

    def has_signed(self, message: bytes, signature: bytes) -> bool:
        """Whether the (DER) signature is of this message by this key."""
        key = serialization.load_der_public_key(self.der)
        if not isinstance(key, ec.EllipticCurvePublicKey):
            return False
        try:
            key.verify(signature, message, _ECDSA)
        except InvalidSignature:
            return False
        return True


def public_key(content: bytes | str) -> PublicKey:
    """Read a public key in PEM or DER; raises ConfigurationError where it is not one on P-256."""
    data = content.encode() if isinstance(content, str) else content
    is_pem = data.lstrip().startswith(b"-----BEGIN")
    try:
        key = serialization.load_pem_public_key(data) if is_pem else serialization.load_der_public_key(data)
    except (ValueError, UnsupportedAlgorithm) as problem:
        raise ConfigurationError("the public key cannot be read; give it in PEM (BEGIN PUBLIC KEY)") from problem
    return _checked(key)


def sign_with(private_pem: str, password: str | None, message: bytes) -> bytes:
    """The DER signature of the message; raises ConfigurationError for a wrong password or another kind of key."""
    return _private_key(private_pem, password).sign(message, _ECDSA)


def public_half(private_pem: str, password: str | None) -> PublicKey:
    """The public key that belongs to a private one; raises ConfigurationError as sign_with does."""
    return _checked(_private_key(private_pem, password).public_key())


def new_private_key() -> str:
    """A fresh key, unencrypted, for sandboxes and tests."""
    key = ec.generate_private_key(ec.SECP256R1())
    encoding, form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    return key.private_bytes(encoding, form, serialization.NoEncryption()).decode()


def _private_key(pem: str, password: str | None) -> ec.EllipticCurvePrivateKey:
    try:
        key = serialization.load_pem_private_key(pem.encode(), password.encode() if password else None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as problem:
        message = "the private key cannot be read; check its password, and that it is PKCS #8 in PEM"
        raise ConfigurationError(f"{message}: {_HOW_TO_MAKE}") from problem
    if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(key.curve, ec.SECP256R1):
        raise ConfigurationError(f"the private key is not one for ECDSA on P-256; {_HOW_TO_MAKE}")
    return key


def _checked(key: object) -> PublicKey:
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
        raise ConfigurationError("the public key is not one for ECDSA on P-256; AWS KMS calls it ECC_NIST_P256")
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return PublicKey(key.public_bytes(serialization.Encoding.DER, form))

"""Makes Tidegate a GitHub App in the stand-in: a key of its own, an installation, and the rights that it asks for."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from deployments.sandbox.github.apps import App, Rights
from deployments.sandbox.github.state import GitHubState


@dataclass(frozen=True)
class OwnApp:
    """An App and the private half of its key (PEM), which only its owner has."""

    app: App
    private_key: str = field(repr=False)


def install_own_app(state: GitHubState, slug: str, repositories: Iterable[str], rights: Rights) -> OwnApp:
    """An App with these rights in repositories (`OWNER/NAME`) of one account."""
    names = list(repositories)
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    app = state.add_app(slug, public, rights)
    state.install(app, names[0].partition("/")[0], names)
    return OwnApp(app, key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()).decode())

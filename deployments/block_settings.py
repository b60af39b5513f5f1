"""Which environment variable sets which field of which block; `tidegate register` writes them to the Prefect server.

The names of the blocks are the defaults of the delivery configuration. A second server of a kind is a block of another
name, made in the Prefect UI.
"""

from dataclasses import dataclass, field

from prefect.blocks.core import Block
from prefect_aws import AwsCredentials
from prefect_docker import DockerHost, DockerRegistryCredentials
from prefect_github import GitHubCredentials

from blocks.argocd import ArgoCDServer
from blocks.github import GitHub
from blocks.gitops import GitOpsRepository
from blocks.prometheus import PrometheusServer
from blocks.registry import ContainerRegistry
from blocks.signing import SigningKey
from blocks.sonarqube import SonarQubeServer


@dataclass(frozen=True, slots=True)
class Setting:
    """One environment variable and the field that it sets."""

    variable: str
    field: str
    meaning: str


@dataclass(frozen=True, slots=True)
class BlockSettings:
    """One block; its `parts` are blocks of the same name that it holds, by its own field.

    `also` and the blocks in `held` are taken along, but are no reason to make the block.
    """

    name: str
    kind: type[Block]
    settings: tuple[Setting, ...]
    parts: dict[str, type[Block]] = field(default_factory=dict)
    also: tuple[Setting, ...] = ()
    held: dict[str, type[Block]] = field(default_factory=dict)

    @property
    def title(self) -> str:
        """How people find it in the UI."""
        return f"block {self.name} ({self.kind.get_block_type_slug()})"


# Parts stand before what holds them.
BLOCKS = (
    BlockSettings(
        "github",
        GitHubCredentials,
        (Setting("TIDEGATE_GITHUB_TOKEN", "token", "reads code and writes commit statuses (secret)"),),
    ),
    BlockSettings(
        "github",
        GitHub,
        (
            Setting("TIDEGATE_GITHUB_API_URL", "api_url", "REST API; unset: that of github.com"),
            Setting("TIDEGATE_GITHUB_WEB_URL", "web_url", "where repositories are cloned from; unset: github.com"),
            Setting("TIDEGATE_GITHUB_APP_ID", "app_id", "a GitHub App's client id or id, in place of the token"),
            Setting(
                "TIDEGATE_GITHUB_PRIVATE_KEY", "private_key", "the App's key in PEM, line ends may be \\n (secret)"
            ),
            Setting("TIDEGATE_GITHUB_INSTALLATION_ID", "installation_id", "unset: found by the repository"),
        ),
        {"credentials": GitHubCredentials},
    ),
    BlockSettings(
        "gitops",
        GitOpsRepository,
        (
            Setting("TIDEGATE_GITOPS_URL", "url", "what git clones, without credentials in it"),
            Setting("TIDEGATE_GITOPS_BRANCH", "branch", "what Argo CD follows; unset: main"),
            Setting("TIDEGATE_GITOPS_USERNAME", "username", "goes with the token; unset: x-access-token"),
            Setting("TIDEGATE_GITOPS_TOKEN", "token", "pushes to the branch over HTTPS (secret)"),
            Setting("TIDEGATE_GITOPS_SSH_KEY", "ssh_key", "pushes to the branch over SSH (secret)"),
            Setting("TIDEGATE_GITOPS_SSH_KNOWN_HOSTS", "ssh_known_hosts", "the lines of `ssh-keyscan HOST`, compared"),
            Setting("TIDEGATE_GITOPS_SIGNING_KEY", "signing_key", "an SSH key that signs every commit (secret)"),
            Setting("TIDEGATE_GITOPS_COMMITTER_NAME", "committer_name", "who commits; unset: Tidegate"),
            Setting("TIDEGATE_GITOPS_COMMITTER_EMAIL", "committer_email", "unset: tidegate@localhost"),
            Setting("TIDEGATE_GITOPS_WEB_URL", "web_url", "where people look at commits"),
        ),
        held={"github": GitHub},
    ),
    BlockSettings(
        "argocd",
        ArgoCDServer,
        (
            Setting("TIDEGATE_ARGOCD_URL", "url", "with the root path where there is one"),
            Setting("TIDEGATE_ARGOCD_TOKEN", "token", "has the right applications, get (secret)"),
            Setting("TIDEGATE_ARGOCD_CA_BUNDLE", "ca_bundle", "a file with the certificates that sign the server's"),
            Setting("TIDEGATE_ARGOCD_WEB_URL", "web_url", "where people open it, if elsewhere"),
        ),
    ),
    BlockSettings(
        "sonarqube",
        SonarQubeServer,
        (
            Setting("TIDEGATE_SONARQUBE_URL", "url", "the server"),
            Setting("TIDEGATE_SONARQUBE_TOKEN", "token", "has Execute Analysis and Browse on the project (secret)"),
        ),
    ),
    BlockSettings(
        "prometheus",
        PrometheusServer,
        (
            Setting("TIDEGATE_PROMETHEUS_URL", "url", "for post-deploy checks with a query; with the path prefix"),
            Setting("TIDEGATE_PROMETHEUS_TOKEN", "token", "where it wants a bearer token (secret)"),
            Setting("TIDEGATE_PROMETHEUS_USERNAME", "username", "where it wants basic authentication"),
            Setting("TIDEGATE_PROMETHEUS_PASSWORD", "password", "goes with the user name (secret)"),
            Setting(
                "TIDEGATE_PROMETHEUS_CA_BUNDLE", "ca_bundle", "a file with the certificates that sign the server's"
            ),
        ),
    ),
    BlockSettings(
        "registry",
        DockerRegistryCredentials,
        (
            Setting("TIDEGATE_REGISTRY_USERNAME", "username", "for any registry but Amazon ECR"),
            Setting("TIDEGATE_REGISTRY_PASSWORD", "password", "goes with the user name (secret)"),
        ),
        also=(Setting("TIDEGATE_REGISTRY_URL", "registry_url", "the same as the registry's"),),
    ),
    BlockSettings(
        "registry",
        AwsCredentials,
        (
            Setting("TIDEGATE_AWS_REGION", "region_name", "for Amazon ECR; alone: the worker's own AWS role is used"),
            Setting("TIDEGATE_AWS_ACCESS_KEY_ID", "aws_access_key_id", "only where the worker has no role"),
            Setting("TIDEGATE_AWS_SECRET_ACCESS_KEY", "aws_secret_access_key", "goes with the key id (secret)"),
            Setting("TIDEGATE_AWS_ASSUME_ROLE_ARN", "assume_role_arn", "a role to take on for it"),
        ),
    ),
    BlockSettings(
        "registry",
        ContainerRegistry,
        (Setting("TIDEGATE_REGISTRY_URL", "url", "scheme and host of the registry"),),
        {"credentials": DockerRegistryCredentials, "aws_credentials": AwsCredentials},
    ),
    BlockSettings(
        "signing",
        AwsCredentials,
        (
            Setting("TIDEGATE_SIGNING_AWS_REGION", "region_name", "for AWS KMS; alone: the worker's own role is used"),
            Setting("TIDEGATE_SIGNING_AWS_ASSUME_ROLE_ARN", "assume_role_arn", "a role to take on for it"),
        ),
    ),
    BlockSettings(
        "signing",
        SigningKey,
        (
            Setting("TIDEGATE_SIGNING_KEY", "private_key", "ECDSA P-256 in PEM, line ends may be \\n (secret)"),
            Setting("TIDEGATE_SIGNING_PASSWORD", "password", "of the private key, where it is encrypted (secret)"),
            Setting("TIDEGATE_SIGNING_KMS_KEY", "kms_key", "in place of it: an AWS KMS key's ARN, id or alias/NAME"),
            Setting("TIDEGATE_SIGNING_ALSO_TRUSTED", "also_trusted", "public keys in PEM that were used before"),
        ),
        {"aws_credentials": AwsCredentials},
    ),
    BlockSettings(
        "docker-engine",
        DockerHost,
        (Setting("TIDEGATE_DOCKER_HOST", "base_url", "the engine that builds, such as unix:///var/run/docker.sock"),),
    ),
)

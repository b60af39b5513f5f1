"""Opens a sandbox: every part on a free loopback port, and a first release that already runs in each environment."""

import secrets
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from ruamel.yaml import YAML

from blocks.git_access import git_environment
from deployments.sandbox.argocd.accounts import READ_EVERYTHING, Right
from deployments.sandbox.argocd.protocol import create_app as argocd_app
from deployments.sandbox.argocd.state import ArgoCDState
from deployments.sandbox.changes import sample_files
from deployments.sandbox.cluster import Cluster
from deployments.sandbox.engines import choose_engine
from deployments.sandbox.first_release import build_first_release
from deployments.sandbox.github.protocol import create_app as github_app
from deployments.sandbox.github.records import Permission
from deployments.sandbox.github.state import GitHubState
from deployments.sandbox.registry.protocol import create_app as registry_app
from deployments.sandbox.registry.state import RegistryState
from deployments.sandbox.seed import gitops_files
from deployments.sandbox.server import serve
from deployments.sandbox.sonarqube import scanner
from deployments.sandbox.sonarqube.protocol import create_app as sonarqube_app
from deployments.sandbox.sonarqube.state import SonarQubeState
from deployments.sandbox.world import APPLICATION, ENVIRONMENTS, GITOPS, REPOSITORY, Addresses, World
from tasks.domain.promotion.history import Change, promotion_message
from tasks.domain.proof.keys import new_private_key

SAMPLES = Path(__file__).parent / "samples"
# Tells the time zones of sync windows.
_READ_PROJECTS = Right("projects", "get", "*")
# What `progressive` in the delivery configuration lets Tidegate do.
_ROLLOUT_ACTIONS = tuple(
    Right("applications", f"action/argoproj.io/Rollout/{action}", "*/*")
    for action in ("resume", "promote-full", "abort")
)
_PAT = ("Pat Platform", "pat@acme.example")


@contextmanager
def open_world(root: Path) -> Iterator[World]:
    """A sandbox below `root` until the block ends; every port, process and thread of it is gone then."""
    root.mkdir(parents=True, exist_ok=True)
    with ExitStack() as parts:
        github = GitHubState(root / "github")
        github.web_url = parts.enter_context(serve(github_app(github)))
        github_token = _set_up_github(github)
        registry = RegistryState(folder=root / "registry", immutable_tags=True)
        registry_url = parts.enter_context(serve(registry_app(registry)))
        engine = parts.enter_context(choose_engine(registry_url))
        sonarqube = SonarQubeState()
        sonarqube_token = f"squ_{secrets.token_hex(20)}"
        sonarqube.add_token(sonarqube_token)
        sonarqube.public_url = parts.enter_context(serve(sonarqube_app(sonarqube)))
        cluster = parts.enter_context(Cluster(root / "cluster"))
        access = git_environment(github.web_url, "x-access-token", github_token)
        argocd = parts.enter_context(ArgoCDState(cluster, git_environments={github.web_url: access}))
        argocd.accounts.add("tidegate", rights=(*READ_EVERYTHING, _READ_PROJECTS, *_ROLLOUT_ACTIONS))
        addresses = Addresses(
            github=github.web_url,
            github_token=github_token,
            registry=registry_url,
            engine=engine.url,
            argocd=parts.enter_context(serve(argocd_app(argocd))),
            argocd_token=argocd.accounts.issue_token("tidegate"),
            sonarqube=sonarqube.public_url,
            sonarqube_token=sonarqube_token,
            signing_key=new_private_key(),
        )
        delivery_file = _write_delivery(root, cluster, engine.base_image)
        world = World(github, registry, argocd, sonarqube, cluster, addresses, delivery_file, engine.words)
        _seed(world, engine.base_image)
        yield world


def _set_up_github(github: GitHubState) -> str:
    token = f"ghp_{secrets.token_hex(18)}"
    github.add_user("tidegate", token=token)
    github.add_user("dana", name="Dana Developer", email="dana@acme.example")
    github.add_user("pat", name=_PAT[0], email=_PAT[1])
    for repository in (REPOSITORY, GITOPS):
        github.create_repository(repository)
        for login in ("tidegate", "dana", "pat"):
            github.grant(repository, login, Permission.WRITE)
    return token


def _write_delivery(root: Path, cluster: Cluster, base_image: str) -> Path:
    text = (SAMPLES / "delivery.yaml").read_text()
    filled = {
        "@BASE_IMAGE@": base_image,
        "@SCANNER@": str(Path(scanner.__file__)),
        "@STAGING_URL@": cluster.service_url("staging", f"{APPLICATION}-staging"),
        "@PRODUCTION_URL@": cluster.service_url("production", f"{APPLICATION}-production"),
        "[python3,": f"[{sys.executable},",
    }
    for token, value in filled.items():
        text = text.replace(token, value)
    file = root / "delivery.yaml"
    file.write_text(text)
    in_a_month = (datetime.now(UTC) + timedelta(days=30)).date().isoformat()
    waivers = (SAMPLES / "waivers.yaml").read_text().replace("@IN_A_MONTH@", in_a_month)
    (root / "waivers.yaml").write_text(waivers)
    return file


def _seed(world: World, base_image: str) -> None:
    commit = _commit(world, REPOSITORY, sample_files(), "Sell the first products")
    image = f"{world.addresses.registry.removeprefix('http://')}/{APPLICATION}"
    digest = build_first_release(world.addresses.engine, image, commit, base_image)
    files = gitops_files(f"{world.addresses.github}/{GITOPS}.git", image, digest, commit)
    _commit(world, GITOPS, files, "Describe shop-api in staging and production")
    for environment in ENVIRONMENTS:
        change = Change(APPLICATION, environment, digest, source_commit=commit, run="the first release")
        note = {
            f"apps/{APPLICATION}/{environment}.md": f"{APPLICATION} runs in {environment} since its first release.\n"
        }
        _commit(world, GITOPS, note, promotion_message(change))
    for name, text in files.items():
        if name.startswith("argocd/"):
            world.argocd.apply_application(YAML(typ="safe").load(text))
    for environment in ENVIRONMENTS:
        world.wait_for_health(environment, "Healthy")


def _commit(world: World, repository: str, files: Mapping[str, str], message: str) -> str:
    name, email = _PAT
    return world.github.commit(repository, "main", files, message, author_name=name, author_email=email)

"""The whole sandbox once it is open: where its parts are, what people do in it, and what is true in it.

It is opened in deployments.sandbox.opening. What is asked here is asked as an outsider would: over HTTP, or in git.
"""

import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx

from deployments.sandbox.argocd.state import ArgoCDState
from deployments.sandbox.cluster import Cluster
from deployments.sandbox.github.records import Delivery
from deployments.sandbox.github.state import GitHubState
from deployments.sandbox.registry.state import RegistryState
from deployments.sandbox.sonarqube.state import SonarQubeState
from tasks.domain.event.payloads import EVENTS
from tasks.domain.image import parse_image
from tasks.domain.promotion.history import Change, parse_changes

APPLICATION, REPOSITORY, GITOPS = "shop-api", "acme/shop-api", "acme/gitops"
ENVIRONMENTS = ("staging", "production")
_WAIT_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where each part listens, and the tokens that Tidegate has for it; `signing_key` is a private key in PEM."""

    github: str
    github_token: str
    registry: str
    engine: str
    argocd: str
    argocd_token: str
    sonarqube: str
    sonarqube_token: str
    signing_key: str


@dataclass(frozen=True, slots=True)
class EnvironmentFacts:
    """What one environment runs."""

    revision: str
    digest: str
    health: str
    url: str


@dataclass(frozen=True, slots=True)
class World:
    """An open sandbox; `builder` says in words which engine builds images."""

    github: GitHubState
    registry: RegistryState
    argocd: ArgoCDState
    sonarqube: SonarQubeState
    cluster: Cluster
    addresses: Addresses
    delivery_file: Path
    builder: str

    def environment(self) -> dict[str, str]:
        """The variables that `tidegate register` and the flows need to work in this sandbox."""
        at = self.addresses
        return {
            "TIDEGATE_DELIVERY": str(self.delivery_file),
            "TIDEGATE_GITHUB_API_URL": f"{at.github}/api/v3",
            "TIDEGATE_GITHUB_WEB_URL": at.github,
            "TIDEGATE_GITHUB_TOKEN": at.github_token,
            "TIDEGATE_GITOPS_URL": f"{at.github}/{GITOPS}.git",
            "TIDEGATE_GITOPS_WEB_URL": f"{at.github}/{GITOPS}",
            "TIDEGATE_GITOPS_TOKEN": at.github_token,
            "TIDEGATE_REGISTRY_URL": at.registry,
            "TIDEGATE_DOCKER_HOST": at.engine,
            "TIDEGATE_ARGOCD_URL": at.argocd,
            "TIDEGATE_ARGOCD_TOKEN": at.argocd_token,
            "TIDEGATE_SONARQUBE_URL": at.sonarqube,
            "TIDEGATE_SONARQUBE_TOKEN": at.sonarqube_token,
            "TIDEGATE_SIGNING_KEY": at.signing_key,
        }

    def deliver_webhooks_to(self, url: str, secret: str) -> None:
        """Have GitHub tell from now on what people do in the application's repository."""
        self.github.add_hook(REPOSITORY, url, secret, EVENTS)

    def push(self, subject: str, files: Mapping[str, str | None], branch: str = "main") -> str:
        """Dana pushes a commit; returns its SHA."""
        return self.github.commit(
            REPOSITORY,
            branch,
            files,
            subject,
            author_name="Dana Developer",
            author_email="dana@acme.example",
            deliver=True,
        )

    def last_delivery(self) -> Delivery:
        """The webhook that was delivered last; waits for its answer."""
        for _ in _patience():
            for hook in self.github.repositories[REPOSITORY].hooks:
                if hook.deliveries and hook.deliveries[-1].status_code:
                    return hook.deliveries[-1]
        raise TimeoutError("no webhook was answered; look at the receiver's log")

    def find_digest(self, tag: str) -> str | None:
        """The digest under a tag of the application's image."""
        accept = {
            "Accept": "application/vnd.oci.image.manifest.v1+json, application/vnd.docker.distribution.manifest.v2+json"
        }
        answer = httpx.head(f"{self.addresses.registry}/v2/{APPLICATION}/manifests/{tag}", headers=accept)
        return answer.headers["Docker-Content-Digest"] if answer.is_success else None

    def read_gates(self, commit: str) -> dict[str, str]:
        """What GitHub shows for the commit: each check run or status with its sentence."""
        commits = f"{self.addresses.github}/api/v3/repos/{REPOSITORY}/commits/{commit}"
        with httpx.Client(headers={"Authorization": f"Bearer {self.addresses.github_token}"}) as client:
            statuses = client.get(f"{commits}/status").raise_for_status().json()["statuses"]
            runs = client.get(f"{commits}/check-runs?per_page=100").raise_for_status().json()["check_runs"]
        shown = {one["context"]: f"{one['state']}: {one['description']}" for one in statuses}
        shown |= {one["name"]: f"{one['conclusion'] or one['status']}: {one['output']['title']}" for one in runs}
        return dict(sorted(shown.items()))

    def read_environment(self, name: str) -> EnvironmentFacts:
        """What Argo CD says about it; the digest is that of the pods."""
        status = self._application(name)["status"]
        images = [parse_image(image) for image in status.get("summary", {}).get("images", [])]
        return EnvironmentFacts(
            revision=status["sync"].get("revision", ""),
            digest=", ".join(image.digest or str(image) for image in images),
            health=status["health"]["status"],
            url=self.cluster.service_url(name, f"{APPLICATION}-{name}"),
        )

    def read_changes(self, environment: str) -> list[Change]:
        """What the GitOps repository's history says of the environment, newest first."""
        folder = self.github.repositories[GITOPS].git.path
        log = ["git", "-C", str(folder), "log", "--notes=tidegate", "--format=%H%x00%cI%x00%B%x00%N%x01", "main"]
        text = subprocess.run(log, capture_output=True, text=True, check=True).stdout
        commits = (entry.strip("\n").split("\0") for entry in text.split("\1") if entry.strip())
        changes = (
            change
            for sha, when, body, note in commits
            for change in parse_changes(note if note.strip() else body, sha, datetime.fromisoformat(when))
        )
        return [change for change in changes if change.environment == environment]

    def wait_for_health(self, name: str, *healths: str) -> None:
        """Raises TimeoutError where Argo CD reports none of these within a minute."""
        for _ in _patience():
            if self._application(name).get("status", {}).get("health", {}).get("status") in healths:
                return
        raise TimeoutError(f"{name} did not become {' or '.join(healths)}")

    def wait_until(self, is_true: Callable[[], bool], what: str) -> None:
        """Raises TimeoutError where it does not come true within a minute."""
        for _ in _patience():
            if is_true():
                return
        raise TimeoutError(f"it never came true that {what}")

    def heal(self) -> None:
        """Take back every fault of the cluster."""
        self.cluster.faults.never_ready.clear()
        self.cluster.faults.failing_pulls.clear()
        self.cluster.faults.unready_namespaces.clear()

    def _application(self, name: str) -> dict[str, Any]:
        url = f"{self.addresses.argocd}/api/v1/applications/{APPLICATION}-{name}"
        answer = httpx.get(url, headers={"Authorization": f"Bearer {self.addresses.argocd_token}"})
        body: dict[str, Any] = answer.raise_for_status().json()
        return body


def _patience() -> Iterator[None]:
    deadline = time.monotonic() + _WAIT_SECONDS
    while time.monotonic() < deadline:
        yield
        time.sleep(0.05)

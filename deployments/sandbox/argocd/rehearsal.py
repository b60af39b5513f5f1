"""A rehearsal of rollouts: the stand-in over HTTP and a GitOps repository, around a cluster that does as it is told.

Tests of races use it: everything on the way is real but the pods, and every request is on record.
"""

import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import SecretStr
from starlette.types import ASGIApp, Receive, Scope, Send

from blocks.argocd import ArgoCDServer
from blocks.gitops import GitOpsRepository
from deployments.sandbox.argocd.accounts import READ_EVERYTHING, Right
from deployments.sandbox.argocd.protocol import create_app
from deployments.sandbox.argocd.resources import Document
from deployments.sandbox.argocd.state import ArgoCDState
from deployments.sandbox.argocd.timing import Timing
from deployments.sandbox.argocd.told_cluster import ToldCluster
from deployments.sandbox.github.bare_repository import NOTHING, BareRepository, Identity
from deployments.sandbox.server import serve
from tasks.domain.delivery.manifest import Manifest
from tasks.domain.image import ImageReference
from tasks.domain.promotion.history import Change
from tasks.gitops.desired_state import write_image

NAMESPACE, FILE = "staging", "demo/deployment.yaml"
OLD, NEW, OTHER = (ImageReference("registry.example/acme/shop-api", None, f"sha256:{c * 64}") for c in "123")
# Quick, and nothing by itself: whatever is compared is asked for by a refresh, an operation or the cluster.
QUIET = Timing(
    comparison_poll=3600, reaction=0.01, health_lag=0.02, operation_takes=0.02, after_operation=0.02, retry_scale=0.02
)
_WAIT_SECONDS = 15


@dataclass(frozen=True, slots=True)
class Asked:
    """A request that the stand-in got."""

    method: str
    path: str
    query: str


@dataclass(slots=True)
class Rehearsal:
    """What takes part; `asked` are all requests so far, in order."""

    state: ArgoCDState
    cluster: ToldCluster
    repository: BareRepository
    server: ArgoCDServer
    gitops: GitOpsRepository
    asked: list[Asked] = field(default_factory=list)

    @property
    def writes(self) -> list[Asked]:
        """The requests that could have changed something."""
        return [one for one in self.asked if one.method != "GET"]

    def commit(self, files: Mapping[str, str | None], message: str = "Somebody else's change") -> str:
        """A commit by somebody else on the branch; returns its SHA."""
        before = self.repository.head("main")
        tree = self.repository.tree_with(before, files)
        parents = [before] if before else []
        commit = self.repository.commit_tree(tree, parents, message, Identity("Ada", "ada@acme.example"))
        self.repository.move("refs/heads/main", commit, before or NOTHING)
        return commit

    def promote(self, image: ImageReference = NEW, manifest: Manifest | None = None) -> str:
        """Write the image as a promotion does; returns the commit that is on the branch."""
        change = Change("shop-api", "staging", image.digest or "", source_commit="1" * 40)
        return write_image.fn(self.gitops, manifest or MANIFEST, image, change).revision

    def add(self, name: str = "shop-api-staging", *, automated: Document | None = None, **spec: Any) -> None:
        """An Application that follows the repository's folder `demo`, unless its source says otherwise."""
        self.state.apply_application(application(self.gitops.url, name, automated=automated, **spec))

    def until(self, claim: Callable[[Document], object], name: str = "shop-api-staging") -> Document:
        """Wait until the Application is as claimed; raises TimeoutError with its status."""
        deadline = time.monotonic() + _WAIT_SECONDS
        while time.monotonic() < deadline:
            found = self.state.store.get(self.state.name(name)) or {}
            if claim(found):
                return found
            time.sleep(0.01)
        raise TimeoutError(json.dumps(found.get("status"), indent=1))


def application(url: str, name: str, *, automated: Document | None = None, **spec: Any) -> Document:
    """The manifest of an Application; without `automated` somebody has to sync it."""
    policy = {} if automated is None else {"syncPolicy": {"automated": automated}}
    source = {} if "sources" in spec else {"source": {"repoURL": url, "path": "demo", "targetRevision": "main"}}
    destination = {"server": "https://kubernetes.default.svc", "namespace": NAMESPACE}
    whole = {"project": "default", "destination": destination, **source, **policy, **spec}
    return {"apiVersion": "argoproj.io/v1alpha1", "kind": "Application", "metadata": {"name": name}, "spec": whole}


def deployment(image: ImageReference | str, name: str = "shop-api") -> str:
    """A Deployment of one container, called main, as YAML with a line of its own for the image."""
    return f"""\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {name}
spec:
  replicas: 1
  selector:
    matchLabels: {{app: {name}}}
  template:
    metadata:
      labels: {{app: {name}}}
    spec:
      containers:
        - name: main
          image: {image}
"""


def is_settled(found: Document) -> bool:
    """Whether an Application is Synced and Healthy, and compared since its last sync."""
    status = found.get("status") or {}
    state = status.get("operationState") or {}
    words = (status.get("sync") or {}).get("status"), (status.get("health") or {}).get("status")
    ended = "operation" not in found and state.get("phase") in (None, "Succeeded")
    return words == ("Synced", "Healthy") and ended and status["reconciledAt"] >= state.get("finishedAt", "")


MANIFEST = Manifest(file=FILE, format="manifest", at="main", resource="Deployment/shop-api")


@contextmanager
def open_rehearsal(
    folder: Path, *, timing: Timing = QUIET, rights: tuple[Right, ...] = READ_EVERYTHING
) -> Iterator[Rehearsal]:
    """Until the block ends; the repository holds a Deployment of the image OLD, and there is no Application yet."""
    repository, cluster = BareRepository(folder / "gitops.git"), ToldCluster()
    repository.create("main")
    with ArgoCDState(cluster, timing=timing) as state:
        state.accounts.add("tidegate", rights=rights)
        asked: list[Asked] = []
        with serve(_recording(create_app(state), asked)) as url:
            server = ArgoCDServer(url=url, token=SecretStr(state.accounts.issue_token("tidegate")))
            gitops = GitOpsRepository(url=repository.path.as_uri())
            rehearsal = Rehearsal(state, cluster, repository, server, gitops, asked)
            rehearsal.commit({FILE: deployment(OLD), "README.md": "Desired state\n"}, "Describe the service")
            yield rehearsal


def _recording(application: ASGIApp, asked: list[Asked]) -> ASGIApp:
    lock = threading.Lock()

    async def record(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            with lock:
                asked.append(Asked(scope["method"], scope["path"], scope["query_string"].decode()))
        await application(scope, receive, send)

    return record

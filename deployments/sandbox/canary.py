"""Has an environment of the sandbox rolled out by Argo Rollouts: a change in the GitOps repository, and back again."""

import subprocess

from deployments.sandbox.cluster.pod_status import is_active
from deployments.sandbox.world import APPLICATION, GITOPS, World

# Half of two pods are new at the pause, which nobody but Tidegate or a person ends.
_STEPS = """\
  canary:
    maxSurge: 1
    steps:
      - setWeight: 50
      - pause: {}
"""


def use_canary(world: World, environment: str) -> None:
    """From now on every release goes there through a canary with one pause; returns when it is so."""
    text = _values(world, environment)
    if _STEPS not in text:
        _commit(world, environment, text.rstrip("\n") + "\n" + _STEPS, f"Roll {environment} out as a canary")
    _wait_for(world, environment, "Rollout")


def use_rolling_update(world: World, environment: str) -> None:
    """As before; returns when it is so."""
    text = _values(world, environment)
    if _STEPS in text:
        _commit(world, environment, text.replace(_STEPS, ""), f"Roll {environment} out at once")
    _wait_for(world, environment, "Deployment")


def versions(world: World, environment: str) -> dict[str, int]:
    """How many pods run each digest, without those that are about to end."""
    pods = [each for each in world.cluster.objects(environment) if each["kind"] == "Pod" and is_active(each)]
    digests = [pod["spec"]["containers"][0]["image"].partition("@")[2] for pod in pods]
    return {digest: digests.count(digest) for digest in digests}


def _wait_for(world: World, environment: str, kind: str) -> None:
    world.argocd.request_refresh(f"{APPLICATION}-{environment}")
    world.wait_until(lambda: _kinds(world, environment) == {kind}, f"{environment} is a {kind}")
    world.wait_for_health(environment, "Healthy")


def _kinds(world: World, environment: str) -> set[str]:
    workloads = {"Deployment", "Rollout"}
    return {each["kind"] for each in world.cluster.objects(environment)} & workloads


def _values(world: World, environment: str) -> str:
    folder = world.github.repositories[GITOPS].git.path
    show = ["git", "-C", str(folder), "show", f"main:{_file(environment)}"]
    return subprocess.run(show, capture_output=True, text=True, check=True).stdout


def _file(environment: str) -> str:
    return f"apps/{APPLICATION}/values-{environment}.yaml"


def _commit(world: World, environment: str, text: str, subject: str) -> None:
    files = {_file(environment): text}
    world.github.commit(GITOPS, "main", files, subject, author_name="Pat Platform", author_email="pat@acme.example")

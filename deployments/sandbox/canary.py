"""Has an environment of the sandbox rolled out by Argo Rollouts: a change in the GitOps repository, and back again.

As a canary, or as blue-green.
"""

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
# The new pods are ready beside the old ones, and nobody is sent to them until Tidegate or a person says so.
_BLUE_GREEN = """\
  blueGreen:
    autoPromotionEnabled: false
    scaleDownDelaySeconds: 600
"""


def use_canary(world: World, environment: str) -> None:
    """From now on every release goes there through a canary with one pause; returns when it is so."""
    _use(world, environment, _STEPS, "a canary")


def use_blue_green(world: World, environment: str) -> None:
    """From now on every release goes there by blue-green, with a pause before the switch; returns when it is so."""
    _use(world, environment, _BLUE_GREEN, "blue-green")


def _use(world: World, environment: str, strategy: str, name: str) -> None:
    text = _values(world, environment)
    if strategy not in text:
        _commit(world, environment, text.rstrip("\n") + "\n" + strategy, f"Roll {environment} out as {name}")
    _wait_for(world, environment, "Rollout")


def preview_url(world: World, environment: str) -> str:
    """Where a release that waits for the switch is reached."""
    return world.cluster.service_url(environment, f"{APPLICATION}-{environment}-preview")


def use_rolling_update(world: World, environment: str) -> None:
    """As before; returns when it is so."""
    text = _values(world, environment)
    plain = text.replace(_STEPS, "").replace(_BLUE_GREEN, "")
    if plain != text:
        _commit(world, environment, plain, f"Roll {environment} out at once")
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

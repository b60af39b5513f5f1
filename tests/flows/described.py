"""Further places in the sandbox: an Argo CD application that runs what production does, in a namespace of its own."""

from ruamel.yaml import YAML

from deployments.sandbox.github.git_command import run_git
from deployments.sandbox.world import APPLICATION, GITOPS, World

PERSON = {"author_name": "Pat Platform", "author_email": "pat@acme.example"}


def describe(world: World, application: str, environment: str, namespace: str = "") -> None:
    """Write it into the GitOps repository and let Argo CD apply it; left out, the namespace is the environment's."""
    folder, yaml = world.github.repositories[GITOPS].git.path, YAML(typ="safe", pure=True)
    values = run_git(folder, "show", f"main:apps/{APPLICATION}/values-production.yaml").decode()
    manifest = run_git(folder, "show", f"main:argocd/{APPLICATION}-staging.yaml").decode()
    path = f"apps/{application}/values-{environment}.yaml"
    # One pod is enough.
    values = values.replace("replicaCount: 2", "replicaCount: 1")
    world.github.commit(GITOPS, "main", {path: values}, f"Describe {application} in {environment}", **PERSON)
    described = manifest.replace(f"{APPLICATION}-staging", f"{application}-{environment}")
    described = described.replace(f"apps/{APPLICATION}/values-staging", path.removesuffix(".yaml"))
    document = yaml.load(described)
    document["spec"]["destination"]["namespace"] = namespace or environment
    world.argocd.apply_application(document)

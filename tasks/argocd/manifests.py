"""What Argo CD renders for an application, and by which recipe; nothing is deployed by asking."""

from blocks.argocd import ArgoCDServer
from tasks.argocd.api import ApplicationApi
from tasks.domain.argocd.recipe import Recipe, read_recipe
from tasks.domain.argocd.source import find_source
from tasks.domain.delivery.rollout import ArgoCDTarget
from tasks.domain.promotion.rendered import Manifest
from tasks.retry import outside_task


@outside_task("manifests of {target.application}")
def read_manifests(server: ArgoCDServer, target: ArgoCDTarget) -> tuple[Manifest, ...]:
    """The manifests at the application's target revision, as Argo CD renders them; raises as preflight does."""
    with server.get_client() as client:
        return ApplicationApi(client, server.url, target).manifests()


@outside_task("recipe of {target.application}")
def read_recipe_of(server: ArgoCDServer, target: ArgoCDTarget, repository: str, branch: str) -> Recipe | str:
    """How the application's source in this repository is rendered, or what in it cannot be done elsewhere.

    Raises as preflight does.
    """
    with server.get_client() as client:
        body = ApplicationApi(client, server.url, target).read()
    return read_recipe(body, find_source(body, repository, branch))

"""What promoting a candidate would write and roll out, without writing anything: for `tidegate plan` and approvers."""

from flows.places.place import Place
from flows.promotion.facts import changes_since, gather_candidate, gather_facts
from flows.promotion.members import find_running
from flows.promotion.reasons import standing_of
from tasks.argocd.manifests import read_manifests, read_recipe_of
from tasks.domain.candidate import ReleaseCandidate
from tasks.domain.errors import ConfigurationError, DeliveryError
from tasks.domain.image import COMMIT
from tasks.domain.manifest.formats import set_image
from tasks.domain.promotion.plan import Plan
from tasks.domain.promotion.rendered import Rendering, diff_of_manifests, with_image
from tasks.domain.promotion.why import explain
from tasks.github.commits import read_head
from tasks.gitops.desired_state import DesiredState, read_desired_state
from tasks.registry.images import find_digest
from tasks.rendering import Rendered, render_edit


def make_plan(place: Place, commit: str | None) -> Plan:
    """The plan for the commit, or for what would be promoted next; raises ConfigurationError where it has no image."""
    candidate, evidence = gather_candidate(place, *_choose(place, commit))
    facts = gather_facts(place, candidate, evidence)
    approvals = () if facts.desired_digest == candidate.digest else standing_of(place, candidate).missing
    desired = read_desired_state(place.gitops, place.env.manifest)
    return Plan(
        candidate=candidate,
        environment=place.environment,
        file=place.env.manifest.file,
        before=desired.text,
        after=_edited(place, candidate, desired),
        rendering=render(place, candidate, desired),
        changes=changes_since(place, candidate),
        reasons=explain(facts),
        approvals=approvals,
    )


def render(place: Place, candidate: ReleaseCandidate, desired: DesiredState) -> Rendering:
    """The difference of the rendered manifests: by helm or kustomize, else by what Argo CD renders now."""
    try:
        rendered = _by_tool(place, candidate, desired)
        if isinstance(rendered, Rendered):
            return Rendering(diff_of_manifests(rendered.before, rendered.after), f"by {rendered.tool}")
        if desired.image is None:
            return Rendering("", f"not rendered: {rendered}")
        before = read_manifests(place.argocd, place.env.argocd)
        after = [with_image(manifest, desired.image, candidate.image) for manifest in before]
        source = f"what Argo CD renders now, with the image exchanged: {rendered}"
        return Rendering(diff_of_manifests(before, after), source)
    except DeliveryError as error:
        return Rendering("", f"not rendered: {error}")


def _by_tool(place: Place, candidate: ReleaseCandidate, desired: DesiredState) -> Rendered | str:
    manifest = place.env.manifest
    if manifest.format == "application":
        return "the Application itself is what changes"
    recipe = read_recipe_of(place.argocd, place.env.argocd, place.gitops.url, place.gitops.branch)
    if isinstance(recipe, str):
        return recipe
    return render_edit(place.gitops, recipe, manifest.file, _edited(place, candidate, desired))


def _edited(place: Place, candidate: ReleaseCandidate, desired: DesiredState) -> str:
    manifest = place.env.manifest
    return set_image(desired.text, manifest, candidate.image, file=manifest.file)


def _choose(place: Place, commit: str | None) -> tuple[str, str]:
    """The commit and its digest: as asked, or what the environment before runs, or the head of the mainline."""
    if commit is None and place.env.needs:
        return _running(place.sibling(place.env.needs[0]))
    if commit is not None and not COMMIT.fullmatch(commit):
        raise ConfigurationError(f"commit {commit!r} is not a full SHA; give all 40 hexadecimal digits, in lower case")
    chosen = commit or read_head(place.github, place.app.repository, place.app.branch)
    digest = find_digest(place.registry, place.app.image, chosen)
    if digest is None:
        raise ConfigurationError(
            f"commit {chosen} has no image in the registry; integrate it first, by `tidegate trigger`"
        )
    return chosen, digest


def _running(before: Place) -> tuple[str, str]:
    running = find_running(before)
    if running is None:
        sentence = f"nothing says which commit {before.environment} runs; name one with --commit"
        raise ConfigurationError(sentence)
    return running.commit, running.digest

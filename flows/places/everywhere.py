"""Every Argo CD application of an environment as one: what is true of the environment is true of all of them."""

from datetime import datetime

from blocks.argocd import ArgoCDServer
from flows.places.loading import load_block
from flows.places.place import Place
from tasks.argocd.rollout import confirm_environment, preflight
from tasks.argocd.windows import read_closed_window
from tasks.domain.delivery.rollout import ArgoCDTarget
from tasks.domain.image import ImageReference
from tasks.domain.rollout.everywhere import together
from tasks.domain.rollout.readiness import Readiness
from tasks.domain.rollout.sync_window import ClosedWindow, latest
from tasks.domain.verdict import Verdict


def targets_of(place: Place) -> tuple[tuple[ArgoCDServer, ArgoCDTarget], ...]:
    """Each application with its server, the environment's own first."""
    also = tuple((load_block(ArgoCDServer, target.server), target) for target in place.env.argocd.also)
    return ((place.argocd, place.env.argocd), *also)


def look_everywhere(place: Place) -> tuple[Readiness, ...]:
    """How each is before a change; raises as `preflight` does."""
    gitops, file = place.gitops, place.env.manifest.file
    return tuple(preflight(server, target, gitops.url, gitops.branch, file) for server, target in targets_of(place))


def ready_everywhere(place: Place) -> Verdict:
    """Whether each would take a change now."""
    return together([readiness.verdict for readiness in look_everywhere(place)])


def closed_anywhere(place: Place) -> ClosedWindow | None:
    """What keeps a change back now in one of them, the one that opens last; raises as `read_closed_window` does."""
    found = [read_closed_window(server, target) for server, target in targets_of(place)]
    return latest([window for window in found if window])


def healthy_everywhere_since(place: Place) -> datetime | None:
    """Since when all of them are as healthy as they are; None where one does not say."""
    since = [readiness.status.health_since for readiness in look_everywhere(place)]
    known = [moment for moment in since if moment]
    return max(known) if known and len(known) == len(since) else None


def confirm_everywhere(place: Place, image: ImageReference) -> Verdict:
    """Whether each runs this image right now; raises as `confirm_environment` does."""
    return together([confirm_environment(server, target, image) for server, target in targets_of(place)])

"""Looks at environments from outside, by the same facts as promote, and changes nothing."""

from datetime import UTC, datetime

from flows.places.place import Place
from flows.promotion.facts import kept_back_now
from tasks.argocd.rollout import confirm_environment
from tasks.domain.errors import DeliveryError
from tasks.domain.image import ImageReference
from tasks.domain.promotion.history import change_with
from tasks.domain.promotion.status import EnvironmentStatus, OnTheWay
from tasks.domain.promotion.window import Closed, decide_opening
from tasks.domain.verdict import Verdict, pending
from tasks.gitops.desired_state import read_desired_state, read_history
from tasks.gitops.switch import read_switch
from tasks.runs.lookup import SeenRun

_LEFT_TO_DO = {"Waiting", "Stopped", "Refused", "Expired", "Failed", "Crashed", "Rolled back"}


def read_status(place: Place, promotions: tuple[SeenRun, ...]) -> EnvironmentStatus:
    """One environment as it is now; `promotions` are all that Prefect knows, newest first."""
    desired = read_desired_state.fn(place.gitops, place.env.manifest)
    history = read_history.fn(place.gitops, place.application, place.environment)
    digest = desired.image.digest if desired.image else None
    return EnvironmentStatus(
        application=place.application,
        environment=place.environment,
        digest=digest,
        change=change_with(history, digest) if digest else None,
        live=_live(place, desired.image),
        held=_held(place),
        on_the_way=_on_the_way(place, promotions, digest),
    )


def _live(place: Place, image: ImageReference | None) -> Verdict:
    if image is None or image.digest is None:
        return pending("git names no digest")
    try:
        return confirm_environment.fn(place.argocd, place.env.argocd, image)
    except DeliveryError as error:
        return pending(str(error))


def _held(place: Place) -> str:
    switch = read_switch.fn(place.gitops, place.environment)
    if switch and switch.is_stopped:
        return switch.why
    opening = decide_opening(place.environment, place.env.windows, place.delivery.freezes, datetime.now(UTC))
    if isinstance(opening, Closed):
        return opening.reason
    try:
        kept_back = kept_back_now(place)
    except DeliveryError:
        # How it is there has said so already.
        return ""
    return kept_back.reason if kept_back else ""


def _on_the_way(place: Place, promotions: tuple[SeenRun, ...], digest: str | None) -> tuple[OnTheWay, ...]:
    mine = [run for run in promotions if run.is_to(place.application, place.environment)]
    going = [run for run in mine if not run.is_over]
    # The last one of all, where it left something to do and nothing else has come since.
    left = [run for run in mine[:1] if run.state in _LEFT_TO_DO and run.parameters.get("digest") != digest]
    there = [run for run in promotions if run.parameters.get("environment") == place.environment]
    return tuple(_waiting(run, next((one for one in there if one.is_before(run)), None)) for run in (*going, *left))


def _waiting(run: SeenRun, before: SeenRun | None) -> OnTheWay:
    if before:
        waits_for = f"its turn: {before.name} is before it"
    elif run.is_asking:
        waits_for = "a person's approval"
    elif run.planned_for and run.planned_for > datetime.now(UTC):
        waits_for = f"its time: {run.planned_for.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
    elif run.is_over:
        waits_for = f"{run.state}: {run.message}"
    else:
        waits_for = "nobody: it is at work"
    return OnTheWay(run.parameters.get("commit", ""), run.state, waits_for, run.url)

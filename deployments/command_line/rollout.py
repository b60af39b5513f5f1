"""`tidegate rollout resume|promote-full|abort`: a person goes on at the pause of an Argo Rollout, or ends it."""

import getpass
from typing import Annotated

import typer

from tasks.domain.errors import DeliveryError
from tasks.domain.rollout.progressive import Action

rollout = typer.Typer(no_args_is_help=True, help="Take an Argo Rollout on from its pause, or end it.")

_Application = Annotated[str, typer.Argument(help="Its name in the delivery configuration.")]
_Environment = Annotated[str, typer.Argument(help="Its name in the delivery configuration.")]
_Reason = Annotated[str, typer.Option(help="Why, in a sentence; it is kept in the commit.")]
_By = Annotated[str | None, typer.Option(help="Who you are; left out: the name that you are logged in with.")]


@rollout.command()
def resume(application: _Application, environment: _Environment, *, reason: _Reason, by: _By = None) -> None:
    """Go on to the next step, or with blue-green send everybody to the new release.

    Only where `by-hand` of the environment's `progressive` names it. Ends with 0 where that was asked of Argo CD, with
    1 where it is refused or nothing pauses, and with 2 for wrong input.
    """
    _act("resume", application, environment, reason, by)


@rollout.command("promote-full")
def promote_full(application: _Application, environment: _Environment, *, reason: _Reason, by: _By = None) -> None:
    """Leave out all steps that are left; otherwise as `resume`."""
    _act("promote-full", application, environment, reason, by)


@rollout.command()
def abort(application: _Application, environment: _Environment, *, reason: _Reason, by: _By = None) -> None:
    """Send nobody to the new release any more; the promotion that follows it takes it back in git."""
    _act("abort", application, environment, reason, by)


def _act(action: Action, application: str, environment: str, reason: str, by: str | None) -> None:
    # Loading flows takes seconds, which the other commands need not wait for.
    from deployments.places import looking, open_place  # noqa: PLC0415
    from flows.promotion.by_hand import act_by_hand  # noqa: PLC0415

    with looking():
        place = open_place(application, environment)
        refused = act_by_hand(place, action, by or getpass.getuser(), reason, typer.echo)
    if refused:
        raise DeliveryError(refused.reason)

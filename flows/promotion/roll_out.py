"""Writes the desired state and follows it until it is live, or takes it back; the last step of promote."""

from prefect import State, get_run_logger
from prefect.runtime import flow_run
from prefect.states import Cancelled, Completed, Failed

from flows.endings import end
from flows.places.everywhere import ready_everywhere
from flows.places.place import Place
from flows.promotion.announce import announce
from flows.promotion.confirm import confirm_change
from flows.promotion.post_deploy import prepare_checks
from flows.promotion.replaced import replaced_unhealthy
from flows.roll_back import put_back
from tasks.artifacts import report_page
from tasks.domain.approval.decision import Approval
from tasks.domain.candidate import ReleaseCandidate
from tasks.domain.feedback.deployment import DeploymentState
from tasks.domain.message import plain, promotion_page
from tasks.domain.promotion.decision import Refuse
from tasks.domain.promotion.history import Change
from tasks.domain.rollout.verdict import RolloutVerdict
from tasks.gitops.desired_state import write_image
from tasks.runs.promotions import run_url

_STATES = {"Verified": DeploymentState.SUCCESS, "Superseded": DeploymentState.INACTIVE}


def roll_out(place: Place, candidate: ReleaseCandidate, approval: Approval | None, broken_glass: str = "") -> State:
    """Only for the run that holds the environment; completed only where it runs the candidate, verified.

    `broken_glass` is why it goes on although the environment is closed; it is kept in the commit and on the page.
    """
    if refused := prepare(place, candidate):
        return refused
    change = change_of(place, candidate, approval, broken_glass)
    written = write_image(place.gitops, place.env.manifest, candidate.image, change)
    return follow(place, candidate, approval, written.revision, broken_glass)


def prepare(place: Place, candidate: ReleaseCandidate) -> State | None:
    """Before anything is written: the refusal where the rollout could not even be followed."""
    if refused := refuse_unfollowable(place, candidate):
        return refused
    announce_writing(place, candidate)
    return None


def refuse_unfollowable(place: Place, candidate: ReleaseCandidate) -> State | None:
    """The refusal, where there is one; raises as preflight and prepare_checks do."""
    ready = ready_everywhere(place)
    if ready.has_failed:
        return end(Refuse(ready.reason))
    prepare_checks(place, candidate.image, candidate.commit)
    return None


def announce_writing(place: Place, candidate: ReleaseCandidate) -> None:
    """Let GitHub show that it begins."""
    announce(*_shown(place, candidate), DeploymentState.IN_PROGRESS, "The desired state is being written.")


def change_of(place: Place, candidate: ReleaseCandidate, approval: Approval | None, broken_glass: str = "") -> Change:
    """What the commit says of this promotion."""
    return Change(
        application=place.application,
        environment=place.environment,
        digest=candidate.digest,
        source_commit=candidate.commit,
        approved_by=approval.approvers if approval else "",
        run=run_url(str(flow_run.id)),
        reason=approval.comment if approval else "",
        break_glass=broken_glass,
        replaced_unhealthy=replaced_unhealthy(place, candidate.digest),
    )


def follow(
    place: Place, candidate: ReleaseCandidate, approval: Approval | None, revision: str, broken_glass: str = ""
) -> State:
    """Confirm what was written, or take it back; leaves the promotion's page behind."""
    result = confirm_change(place, revision, candidate.image, candidate.commit)
    ending = _ending(place, candidate, result)
    get_run_logger().info(ending.message)
    announce_ending(place, candidate, ending)
    report(place, candidate, approval, revision, result, ending, broken_glass)
    return ending


def announce_ending(place: Place, candidate: ReleaseCandidate, ending: State) -> None:
    """Let GitHub show how it ended."""
    announce(*_shown(place, candidate), _STATES.get(ending.name or "", DeploymentState.FAILURE), ending.message or "")


def _shown(place: Place, candidate: ReleaseCandidate) -> tuple[Place, str, str]:
    return place, candidate.commit, candidate.digest


def _ending(place: Place, candidate: ReleaseCandidate, result: RolloutVerdict) -> State:
    if result.verdict.has_passed:
        return Completed(name="Verified", message=result.verdict.reason)
    if not result.calls_for_rollback:
        return Cancelled(name="Superseded", message=result.verdict.reason)
    put = put_back(place, candidate.digest, result.verdict.reason)
    name = "Rolled back" if put.verdict.has_passed else "Failed"
    return Failed(name=name, message=f"{result.verdict.reason} {put.verdict.reason}")


def report(
    place: Place,
    candidate: ReleaseCandidate,
    approval: Approval | None,
    revision: str,
    result: RolloutVerdict,
    ending: State,
    broken_glass: str = "",
) -> None:
    """Leave the promotion's page behind."""
    facts = {"Commit": f"[{candidate.commit}]({place.github.web_url}/{place.app.repository}/commit/{candidate.commit})"}
    if approval:
        comment = f": {plain(approval.comment, 500)}" if approval.comment else ""
        facts["Approved by"] = f"{plain(approval.approvers, 500)}{comment}"
    if broken_glass:
        facts["Although it was closed"] = f"the glass was broken: {plain(broken_glass, 500)}"
    gitops = place.gitops.web_url
    facts["Desired state"] = f"[{revision}]({gitops}/commit/{revision})" if gitops else f"`{revision}`"
    facts["Rollout"] = str(result.kind)
    if place.env.url:
        facts["Look at it"] = place.env.url
    page = promotion_page(candidate, place.environment, ending.message or "", facts, result.evidence)
    sentence = f"{candidate.name} → {place.environment}: {ending.name}"
    report_page(place.application, place.environment, page, sentence)

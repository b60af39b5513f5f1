"""A commit to a release candidate: gates side by side, one image, its digest read back, then on to promote."""

from prefect import State, flow, get_run_logger
from prefect.runtime import flow_run
from prefect.states import Cancelled, Completed, Failed

from flows.endings import tell_github
from flows.integration.build import build_candidate
from flows.integration.feedback import comment_on, moved_on, report_beginning, report_gates_to_github, report_verdict
from flows.integration.gates import decide_commit
from flows.places.place import load_place
from flows.places.workshop import Workshop, load_workshop
from tasks.artifacts import report_image, report_page
from tasks.domain.candidate import ReleaseCandidate
from tasks.domain.gates.gate import decide_all
from tasks.domain.message import candidate_page, plain
from tasks.gitops.desired_state import read_desired_state
from tasks.runs.promotions import run_url, start_promotion
from tasks.source.checkout import read_commit


@flow(
    name="integrate",
    flow_run_name="{application} {commit:.7}",
    on_failure=[tell_github],
    on_crashed=[tell_github],
    on_cancellation=[tell_github],
)
def integrate(application: str, commit: str, pull_request: int | None = None, fresh: bool = False) -> State:  # noqa: FBT001, FBT002 - a field of the form
    """Check one commit and, on the mainline, build its image and promote it to the first environment.

    Args:
        application: The application's name in the delivery configuration, such as shop-api.
        commit: All 40 digits of its SHA; it has to be pushed to the application's repository already.
        pull_request: Only for a pull request: its number. Its commit is then checked, but never built or promoted.
        fresh: Build without any cache and with the newest base layers, even where the commit has an image already.

    """
    workshop = load_workshop(application)
    facts = read_commit(workshop.github, workshop.app.repository, commit)
    if pull_request is not None and (newer := moved_on(workshop, pull_request, commit)):
        return Cancelled(name="Superseded", message=newer)
    if not fresh:
        # A rebuild leaves a commit that has passed as it is until its gates are decided.
        report_beginning(workshop, commit, pull_request)
    decided = decide_commit(workshop, commit, pull_request, fresh=fresh)
    gates, verdict = decided.gates, decided.verdict
    report_gates_to_github(workshop, commit, gates, pull_request)
    if pull_request is not None:
        comment_on(workshop, pull_request, commit, decided)
    if not verdict.has_passed:
        # Not left to the hook: who sees the run ended may look at the commit at once.
        report_verdict(workshop, commit, verdict, gates, pull_request)
        return Failed(name="Gates failed", message=verdict.reason)
    if pull_request is not None or not decided.is_on_mainline:
        report_verdict(workshop, commit, verdict, gates, pull_request)
        what = f"Pull request {pull_request}" if pull_request else f"Not on {workshop.app.branch}, so only checked"
        return Completed(name="Checked", message=f"{what}: {verdict.reason}")
    candidate = build_candidate(workshop, facts, gates, fresh=fresh)
    verdict = decide_all(candidate.gates)
    if not verdict.has_passed:
        report_verdict(workshop, commit, verdict, candidate.gates)
        bad = next(gate for gate in candidate.gates if not gate.verdict.has_passed)
        return Failed(name="Image scan failed", message=bad.verdict.reason)
    # The status is the evidence that promote asks for; it may say passed only once the image is there.
    report_verdict(workshop, commit, verdict, candidate.gates)
    _report_candidate(workshop, candidate)
    return Completed(name="Integrated", message=_hand_over(workshop, candidate))


def _report_candidate(workshop: Workshop, candidate: ReleaseCandidate) -> None:
    page = candidate_page(candidate, workshop.commit_url(candidate.commit), run_url(str(flow_run.id)))
    report_page(candidate.application, "candidate", page, f"{candidate.name}: {plain(candidate.subject)}")
    url = f"{workshop.registry.url}/v2/{workshop.app.image}/manifests/{candidate.digest}"
    name = f"{candidate.image.repository}@{candidate.digest}"
    report_image(candidate.application, name, url, f"{candidate.name} is {candidate.image.short_digest}")


def _hand_over(workshop: Workshop, candidate: ReleaseCandidate) -> str:
    """Start the promotion to each first environment that does not run the digest yet; says what was done."""
    said = []
    for environment in workshop.delivery.first_environments(workshop.application):
        place = load_place(workshop.application, environment, workshop.delivery)
        desired = read_desired_state(place.gitops, place.env.manifest)
        if desired.image is not None and desired.image.digest == candidate.digest:
            said.append(f"{environment} has {candidate.image.short_digest} already")
            continue
        run = start_promotion(
            workshop.application, environment, candidate.commit, candidate.digest, parent=str(flow_run.id)
        )
        get_run_logger().info("Promotion to %s: %s", environment, run_url(str(run)))
        said.append(f"{candidate.image.short_digest} goes to {environment}")
    return f"{candidate.name}: {'; '.join(said) or 'no environment takes it'}"

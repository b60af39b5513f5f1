"""Gathers what a promotion is decided on; the first half of promote, run again right before anything is written."""

from prefect.runtime import flow_run

from flows.lease import confirm_still_verified
from flows.place import Place
from flows.proof import verify_proof
from tasks.domain.candidate import ReleaseCandidate
from tasks.domain.gates.gate import AGGREGATE, GateResult
from tasks.domain.image import ImageReference
from tasks.domain.promotion.change_set import ChangeSet, Position
from tasks.domain.promotion.decision import PromotionFacts, Rival
from tasks.domain.promotion.evidence import judge_evidence, with_proof
from tasks.domain.promotion.history import change_with, quarantined
from tasks.domain.verdict import Verdict
from tasks.github import compare
from tasks.github_checks import read_statuses
from tasks.gitops import read_desired_state, read_history
from tasks.registry import find_digest, read_image_facts
from tasks.runs import PromotionRun, find_open_promotions


def gather_candidate(place: Place, commit: str, digest: str) -> tuple[ReleaseCandidate, Verdict]:
    """The candidate and what its evidence says; raises ConfigurationError, and EvidenceMissing without the image."""
    # A rebuild has another tag, and the commit's own tag stays with the first build.
    tag = commit if find_digest(place.registry, place.app.image, commit) == digest else None
    image = ImageReference(place.image_repository, tag, digest)
    statuses = read_statuses(place.github, place.app.repository, commit)
    facts = read_image_facts(place.registry, place.app.image, digest)
    gates = tuple(
        GateResult(context.removeprefix(f"{AGGREGATE}/"), verdict)
        for context, verdict in sorted(statuses.items())
        if context.startswith(f"{AGGREGATE}/")
    )
    candidate = ReleaseCandidate(place.application, commit, image, gates=gates)
    return candidate, judge_evidence(commit, facts.revision, statuses)


def gather_facts(place: Place, candidate: ReleaseCandidate, evidence: Verdict) -> PromotionFacts:
    """Everything else that decide_promotion asks for, as it is now."""
    desired = read_desired_state(place.gitops, place.env.manifest)
    history = read_history(place.gitops, place.application, place.environment)
    return PromotionFacts(
        candidate=candidate,
        environment=place.environment,
        evidence=with_proof(evidence, verify_proof(place, candidate)),
        desired_digest=desired.image.digest if desired.image else None,
        quarantine=quarantined(history),
        needs=confirm_needs(place, candidate),
        superseded_by=_newer(place, candidate),
    )


def confirm_needs(place: Place, candidate: ReleaseCandidate) -> dict[str, Verdict]:
    """Whether each environment before this one runs the candidate now, healthy, and its checks still hold."""
    verdicts = {}
    for name in place.env.needs:
        before = place.sibling(name)
        verdicts[name] = confirm_still_verified(before, candidate.image, candidate.commit)
    return verdicts


def changes_since(place: Place, candidate: ReleaseCandidate) -> ChangeSet:
    """The commits that the environment does not run yet."""
    desired = read_desired_state(place.gitops, place.env.manifest)
    history = read_history(place.gitops, place.application, place.environment)
    running = change_with(history, desired.image.digest) if desired.image and desired.image.digest else None
    if running is None:
        return ChangeSet(None, candidate.commit, Position.AHEAD, (), 0)
    return compare(place.github, place.app.repository, running.source_commit, candidate.commit)


def find_older(place: Place, candidate: ReleaseCandidate) -> tuple[PromotionRun, ...]:
    """The promotions that wait for a person although this candidate takes their place."""
    return tuple(run for run, rival in _rivals(place, candidate) if run.is_waiting and not rival.is_newer)


def _newer(place: Place, candidate: ReleaseCandidate) -> str | None:
    return next((rival.name for _, rival in _rivals(place, candidate) if rival.is_newer), None)


def _rivals(place: Place, candidate: ReleaseCandidate) -> list[tuple[PromotionRun, Rival]]:
    runs = find_open_promotions(place.application, place.environment)
    own = next((index for index, run in enumerate(runs) if str(run.run_id) == flow_run.id), len(runs))
    rivals = []
    for index, run in enumerate(runs):
        if index != own:
            position = compare(place.github, place.app.repository, candidate.commit, run.commit).position
            rivals.append((run, Rival(f"{place.application} {run.commit[:7]}", position, started_later=index > own)))
    return rivals

"""Gathers what a promotion is decided on; the first half of promote, run again right before anything is written."""

from datetime import UTC, datetime

from flows.places.everywhere import closed_anywhere, healthy_everywhere_since
from flows.places.place import Place
from flows.promotion.lease import confirm_still_verified
from flows.promotion.rivals import find_ahead, find_newer, find_overtaking, find_rivals
from flows.proof import verify_proof
from tasks.domain.candidate import ReleaseCandidate
from tasks.domain.feedback.names import check_names
from tasks.domain.gates.gate import GateResult
from tasks.domain.image import ImageReference
from tasks.domain.promotion.change_set import ChangeSet, Position
from tasks.domain.promotion.decision import PromotionFacts
from tasks.domain.promotion.evidence import judge_evidence, with_proof
from tasks.domain.promotion.history import change_with, quarantined
from tasks.domain.promotion.soak import Soak, decide_soak
from tasks.domain.promotion.window import Closed, KeptBack, decide_kept_back, decide_opening
from tasks.domain.verdict import Verdict, pending
from tasks.github.checks import read_statuses
from tasks.github.commits import compare
from tasks.gitops.desired_state import read_desired_state, read_history
from tasks.gitops.switch import read_switch
from tasks.registry.images import find_digest, read_image_facts


def gather_candidate(place: Place, commit: str, digest: str) -> tuple[ReleaseCandidate, Verdict]:
    """The candidate and what its evidence says; raises ConfigurationError, and EvidenceMissing without the image."""
    # A rebuild has another tag, and the commit's own tag stays with the first build.
    tag = commit if find_digest(place.registry, place.app.image, commit) == digest else None
    image = ImageReference(place.image_repository, tag, digest)
    statuses = read_statuses(place.github, place.app.repository, commit)
    facts = read_image_facts(place.registry, place.app.image, digest)
    names = check_names(place.delivery, place.application)
    gates = tuple(GateResult(name, verdict) for name, verdict in names.gates_in(statuses).items())
    candidate = ReleaseCandidate(place.application, commit, image, gates=gates)
    return candidate, judge_evidence(commit, facts.revision, statuses, names.aggregate)


def gather_facts(
    place: Place,
    candidate: ReleaseCandidate,
    evidence: Verdict,
    break_glass: str = "",
    *,
    own: str | None = None,
    in_release: bool = False,
) -> PromotionFacts:
    """Everything else that decide_promotion asks for, as it is now; `break_glass` is why the hour does not matter.

    `own` is the run that asks, where that is not this one; `in_release` says that it goes with all of its release.
    """
    desired = read_desired_state(place.gitops, place.env.manifest)
    history = read_history(place.gitops, place.application, place.environment)
    rivals = find_rivals(place, candidate, own)
    in_turn = place.env.order == "queue"
    opening = decide_opening(place.environment, place.env.windows, place.delivery.freezes, datetime.now(UTC))
    return PromotionFacts(
        candidate=candidate,
        environment=place.environment,
        evidence=with_proof(evidence, verify_proof(place, candidate)),
        desired_digest=desired.image.digest if desired.image else None,
        quarantine=quarantined(history),
        needs=confirm_needs(place, candidate),
        goes_with=None if in_release else place.delivery.release_of(place.application, place.environment),
        superseded_by=None if in_turn else find_newer(rivals) or find_overtaking(place, candidate, history),
        queued_behind=find_ahead(rivals) if in_turn else None,
        stopped=_stopped(place),
        soaking=decide_soak(place.environment, place.env.soak_seconds, _soaks(place, candidate), datetime.now(UTC)),
        closed=opening if isinstance(opening, Closed) else None,
        break_glass=break_glass,
        may_break_glass=place.env.break_glass,
        kept_back=kept_back_now(place),
    )


def confirm_needs(place: Place, candidate: ReleaseCandidate) -> dict[str, Verdict]:
    """Whether each environment before this one runs the candidate now, healthy, and its checks still hold."""
    verdicts = {}
    for name in place.env.needs:
        before = place.sibling(name)
        verdicts[name] = confirm_still_verified(before, candidate.image, candidate.commit)
    return verdicts


def closed_now(place: Place) -> dict[str, Verdict]:
    """For whoever is asked: that an approval now is only written later; nothing where it is written at once."""
    opening = decide_opening(place.environment, place.env.windows, place.delivery.freezes, datetime.now(UTC))
    told = {"deployment windows": opening} if isinstance(opening, Closed) else {}
    kept_back = kept_back_now(place)
    reasons = {name: closed.reason for name, closed in told.items()}
    reasons |= {"sync windows": kept_back.reason} if kept_back else {}
    then = "what is approved now is looked at again and written then"
    return {name: pending(f"{reason}; {then}") for name, reason in reasons.items()}


def kept_back_now(place: Place) -> KeptBack | None:
    """Whether Argo CD's own windows would keep a change back; raises as `read_closed_window` does."""
    window = closed_anywhere(place)
    return decide_kept_back(window, place.env.rollout.window_seconds, datetime.now(UTC)) if window else None


def _stopped(place: Place) -> str | None:
    switch = read_switch(place.gitops, place.environment)
    return switch.why if switch and switch.is_stopped else None


def _soaks(place: Place, candidate: ReleaseCandidate) -> tuple[Soak, ...]:
    """Since when the environments before run the candidate; nothing is asked where no soak time is wanted."""
    soaks = []
    for name in place.env.needs if place.env.soak_seconds else ():
        before = place.sibling(name)
        history = read_history(before.gitops, before.application, name)
        written = change_with(history, candidate.digest)
        soaks.append(Soak(name, written.when if written else None, healthy_everywhere_since(before)))
    return tuple(soaks)


def changes_since(place: Place, candidate: ReleaseCandidate) -> ChangeSet:
    """The commits that the environment does not run yet."""
    desired = read_desired_state(place.gitops, place.env.manifest)
    history = read_history(place.gitops, place.application, place.environment)
    running = change_with(history, desired.image.digest) if desired.image and desired.image.digest else None
    if running is None:
        return ChangeSet(None, candidate.commit, Position.AHEAD, (), 0)
    return compare(place.github, place.app.repository, running.source_commit, candidate.commit)

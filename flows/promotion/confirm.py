"""Follows a written change until the environment runs it and it works; shared by promote and roll_back."""

from datetime import UTC, datetime
from functools import partial

from flows.places.everywhere import targets_of
from flows.places.place import Place
from flows.promotion.pauses import follow_through_pauses
from flows.promotion.post_deploy import ask_checks
from tasks.argocd.clusters import wait_for_every_rollout
from tasks.domain.image import ImageReference
from tasks.domain.rollout.facts import Expectation
from tasks.domain.rollout.verdict import RolloutKind, RolloutVerdict
from tasks.domain.verdict import failed
from tasks.gitops.desired_state import contains, image_at


def confirm_change(
    place: Place, revision: str, image: ImageReference, commit: str, *, is_way_back: bool = False
) -> RolloutVerdict:
    """Confirmed only where Argo CD runs the digest, healthy, and every post-deploy check has passed.

    `is_way_back`: a rollback, which does not try itself out at the pauses of an Argo Rollout.
    """
    expectation = Expectation(
        environment=place.environment,
        revision=revision,
        image=image,
        pushed_at=datetime.now(UTC),
        repository=place.gitops.url,
        branch=place.gitops.branch,
        timeouts=place.env.rollout,
    )
    follow = partial(
        wait_for_every_rollout,
        targets_of(place),
        contains=partial(contains.fn, place.gitops),
        image_at=partial(image_at.fn, place.gitops, place.env.manifest),
    )
    rollout = follow_through_pauses(place, expectation, commit, follow, is_way_back=is_way_back)
    if rollout.kind is not RolloutKind.CONFIRMED:
        return rollout
    checks = ask_checks(place, image, commit)
    evidence = (*rollout.evidence, *(check.reason for check in checks))
    bad = [check.reason for check in checks if check.has_failed]
    if bad:
        reason = f"{place.environment} runs it, but a post-deploy check failed: {'; '.join(bad)}"
        return RolloutVerdict(failed(reason), RolloutKind.DEGRADED, evidence)
    return RolloutVerdict(rollout.verdict, rollout.kind, evidence)

"""Gathers what a person decides on: everything that the approval form shows; nothing is written."""

from collections.abc import Mapping
from datetime import UTC, datetime

from flows.places.place import Place
from flows.promotion.contents import compare_contents
from flows.promotion.facts import closed_now, confirm_needs
from flows.promotion.plan import render
from flows.proof import say_proof
from tasks.domain.approval.decision import AskAgain
from tasks.domain.approval.question import Question
from tasks.domain.candidate import ReleaseCandidate
from tasks.domain.delivery.approval import ApprovalPolicy
from tasks.domain.feedback.names import check_names
from tasks.domain.manifest.formats import set_image
from tasks.domain.promotion.change_set import ChangeSet
from tasks.domain.promotion.history import change_with
from tasks.domain.verdict import Verdict
from tasks.domain.wording import lasting
from tasks.github.checks import read_statuses
from tasks.gitops.desired_state import read_desired_state, read_history


def gather_packet(
    place: Place,
    candidate: ReleaseCandidate,
    policy: ApprovalPolicy,
    changes: ChangeSet,
    *,
    expires: str,
    standing: AskAgain,
) -> Question:
    """The decision packet, from the facts as they are now; raises as the tasks that read them."""
    desired = read_desired_state(place.gitops, place.env.manifest)
    return Question(
        candidate=candidate,
        environment=place.environment,
        policy=policy,
        changes=changes,
        needs=confirm_needs(place, candidate) | closed_now(place),
        runs_now=desired.image,
        file=place.env.manifest.file,
        before=desired.text,
        after=set_image(desired.text, place.env.manifest, candidate.image, file=place.env.manifest.file),
        links=_links(place, candidate, changes),
        expires=expires,
        standing=standing,
        gates_before=_gates_of(place, changes.base),
        time_in=_time_in(place, candidate),
        rendering=render(place, candidate, desired),
        evidence=(say_proof(place, candidate), *compare_contents(place, desired.image, candidate)),
        is_kept=place.signing is not None,
    )


def _links(place: Place, candidate: ReleaseCandidate, changes: ChangeSet) -> dict[str, str]:
    repository = f"{place.github.web_url}/{place.app.repository}"
    links = {"The commit": f"{repository}/commit/{candidate.commit}"}
    if changes.base:
        links["All changes"] = f"{repository}/compare/{changes.base}...{changes.head}"
    for name in (*place.env.needs, place.environment):
        if url := place.sibling(name).env.url:
            links[f"Open {name}"] = url
    return links


def _gates_of(place: Place, commit: str | None) -> Mapping[str, Verdict]:
    """What each gate said of the commit; nothing for one that was never checked here."""
    if commit is None:
        return {}
    statuses = read_statuses(place.github, place.app.repository, commit)
    return check_names(place.delivery, place.application).gates_in(statuses)


def _time_in(place: Place, candidate: ReleaseCandidate) -> dict[str, str]:
    """Since when each environment before this one is meant to run the candidate."""
    found = {}
    for name in place.env.needs:
        there = place.sibling(name)
        change = change_with(read_history(there.gitops, place.application, name), candidate.digest)
        if change and change.when:
            seconds = max(0, int((datetime.now(UTC) - change.when).total_seconds()))
            found[name] = f"{change.when.astimezone(UTC):%Y-%m-%d %H:%M} UTC ({lasting(seconds)})"
    return found

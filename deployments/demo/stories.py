"""The scenarios: what is pushed, what goes wrong meanwhile, what the person says, and how it has to end."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal

from deployments.demo.order import NewerOne, ShortFreeze, leave_alone
from deployments.demo.people import Answering, as_robin, ask_for_two, on_github, with_a_code
from deployments.demo.pull_request import become_an_app, look, propose
from deployments.demo.pull_request_mode import review_later, take_pull_requests
from deployments.demo.timeline import Run
from deployments.sandbox.canary import use_canary
from deployments.sandbox.changes import broken_tests, good_change
from deployments.sandbox.world import World

# Is given how to follow a commit's runs to their end, and how to say something.
Opening = Callable[[World, Callable[[str], None], Callable[[str], None]], str]


@dataclass(frozen=True, slots=True)
class Story:
    """One scenario; `ending` is the flow and environment of the last run and the state in which it has to end.

    `before` happens before the push, and tells what it did; `answers` are given to one question each, in turn.
    `opening` takes the place of the push, and gives the commit to follow; `closing` is shown at the end. `passes` is a
    state in which some run has to end on the way.
    """

    name: str
    subject: str
    files: dict[str, str]
    decision: Literal["approve", "reject"]
    ending: tuple[str, str, str]
    meanwhile: Callable[[World, Run], str | None]
    before: Callable[[World], str | None] = lambda _world: None
    answers: tuple[Answering, ...] = (as_robin,)
    opening: Opening | None = None
    closing: Callable[[World, str], Iterable[str]] = lambda _world, _commit: ()
    passes: str | None = None

    def mistake(self, runs: tuple[Run, ...]) -> str | None:
        """How the story ended otherwise than it has to; None where it went well."""
        flow, environment, state = self.ending
        last = runs[-1]
        if (last.flow, last.environment, last.state) == self.ending:
            passed = self.passes is None or any(run.state == self.passes for run in runs)
            return None if passed else f"no run ended as '{self.passes}' on the way"
        where = f"{flow} to {environment}" if environment else flow
        return f"{where} had to end as '{state}', but {last.name} ended as '{last.state}': {last.message}"


def find_story(name: str) -> Story:
    """Raises ValueError, naming all stories, where there is none of that name."""
    stories = {story.name: story for story in _stories()}
    if name not in stories:
        raise ValueError(f"there is no scenario {name!r}; choose one of {', '.join(stories)}")
    return stories[name]


def _stories() -> tuple[Story, ...]:
    offer, promoted = good_change(1), ("promote", "production")
    subject = "Offer another product"
    return (
        Story("happy", subject, offer, "approve", (*promoted, "Verified"), _nothing),
        Story(
            "broken-tests",
            "Simplify the price calculation",
            broken_tests(),
            "approve",
            ("integrate", "", "Gates failed"),
            _nothing,
        ),
        Story("bad-release", subject, offer, "approve", (*promoted, "Rolled back"), _never_ready_in_production),
        Story("rejected", subject, offer, "reject", (*promoted, "Rejected"), _nothing),
        Story("canary", subject, offer, "approve", (*promoted, "Verified"), _nothing, before=_canary_in_production),
        Story("unhealthy-staging", subject, offer, "approve", (*promoted, "Refused"), _unhealthy_staging),
        _frozen(subject, offer),
        _superseded(subject, offer),
        Story(
            "two-approvers",
            subject,
            offer,
            "approve",
            (*promoted, "Verified"),
            _nothing,
            before=ask_for_two,
            answers=(with_a_code, on_github),
        ),
        Story(
            "pull-request",
            "Only offer the product",
            offer,
            "approve",
            ("integrate", "", "Checked"),
            _nothing,
            before=become_an_app,
            opening=propose,
            closing=look,
        ),
        Story(
            "pull-request-mode",
            subject,
            offer,
            "approve",
            (*promoted, "Verified"),
            review_later,
            before=take_pull_requests,
        ),
    )


def _frozen(subject: str, offer: dict[str, str]) -> Story:
    freeze, ending = ShortFreeze(), ("promote", "production", "Verified")
    return Story("freeze", subject, offer, "approve", ending, freeze.end_soon, before=freeze.begin, passes="Waiting")


def _superseded(subject: str, offer: dict[str, str]) -> Story:
    newer = NewerOne(subject, offer)
    return Story(
        "superseded",
        subject,
        offer,
        "approve",
        ("promote", "production", "Verified"),
        newer.push_it,
        opening=newer.push_both,
        answers=(leave_alone, as_robin),
    )


def _canary_in_production(world: World) -> str:
    use_canary(world, "production")
    return "Production is an Argo Rollout now: half of the pods, a pause with a check, then the rest."


def _nothing(_world: World, _waiting: Run) -> None:
    return None


def _never_ready_in_production(world: World, waiting: Run) -> str:
    world.cluster.faults.never_ready.add(("production", waiting.digest))
    return "From now on this image never becomes ready in production."


def _unhealthy_staging(world: World, _waiting: Run) -> str:
    world.cluster.faults.unready_namespaces.add("staging")
    world.wait_for_health("staging", "Progressing", "Degraded")
    return "Staging has become unhealthy while production waits."

"""Answers what people ask for on GitHub: commands, buttons, checks again, and the code of people nobody knows."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from prefect import State, flow, get_run_logger
from prefect.runtime import flow_run
from prefect.states import Completed

from blocks.github import GitHub
from flows.places.loading import load_block
from tasks.delivery import read_delivery
from tasks.domain.delivery.model import Delivery
from tasks.domain.event.answer import AwaitMaintainer, Check, Decline, decide_answer, decide_retest
from tasks.domain.event.asked import Asked, StartIntegrate
from tasks.domain.feedback.check import OK_TO_TEST, aggregate_report
from tasks.domain.feedback.comment import declined_comment, waiting_comment
from tasks.domain.feedback.names import check_names
from tasks.domain.feedback.origin import Origin, parse_origin
from tasks.domain.feedback.pull_request import PullRequestFacts
from tasks.domain.verdict import pending
from tasks.github.checks import read_external_ids
from tasks.github.comments import react, write_comment
from tasks.github.pull_requests import may_write, read_pull_request
from tasks.github.whole_check import report_aggregate
from tasks.runs.checks import FOLLOWED, cancel_checks, find_retests, start_integration
from tasks.runs.promotions import run_url
from tasks.runs.questions import find_objection

# So long it is waited for what a promotion makes of an answer.
_PATIENCE_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Request:
    """Who asks for what, and where; all applications are in this one repository."""

    delivery: Delivery
    github: GitHub
    repository: str
    applications: tuple[str, ...]
    asked: Asked
    person: str
    commit: str | None
    comment: int | None


@flow(name="answer", flow_run_name="{asked} by {person}")
def answer(
    applications: list[str],
    asked: Literal["admit", "retest", "ok-to-test", "rerun", "rerun-all", "reply"],
    person: str,
    pull_request: int | None = None,
    commit: str | None = None,
    comment: int | None = None,
    said: str = "",
    question: str = "",
) -> State:
    """Do what somebody asks for on GitHub, if GitHub says that they may; started by the webhook.

    Args:
        applications: Those of one repository, by their names in the delivery configuration.
        asked: What is asked for; admit is a pull request from a fork that nobody has asked about yet.
        person: The login of who asks.
        pull_request: Its number; left out where a commit of the mainline is meant.
        commit: All 40 digits of the SHA that is meant, or that was read.
        comment: The id of the comment that asks, which gets an answer.
        said: Only for a reply: why what was asked for is not done.
        question: Only for a reply: the question of a promotion that a decision was handed to.

    """
    request = _request(applications, Asked(asked), person, commit, comment)
    if request.asked is Asked.REPLY:
        return _reply(request, pull_request or 0, said, question)
    if request.asked is Asked.RERUN_ALL:
        return _rerun_all(request)
    if pull_request is None:
        return _rerun(request, dict.fromkeys(applications))
    return _about_pull_request(request, pull_request)


def _request(applications: list[str], asked: Asked, person: str, commit: str | None, comment: int | None) -> Request:
    delivery = read_delivery()
    first = delivery.application(applications[0])
    github = load_block(GitHub, first.github)
    return Request(delivery, github, first.repository, tuple(applications), asked, person, commit, comment)


def _rerun_all(request: Request) -> State:
    """Every application's checks of the commit, for what they were made for."""
    aggregates = {check_names(request.delivery, name).aggregate: None for name in request.applications}
    where = (request.github, request.repository, request.commit or "")
    texts = [text for aggregate in aggregates for text in read_external_ids(*where, aggregate)]
    origins = [origin for origin in map(parse_origin, texts) if origin and origin.application in request.applications]
    # The newest first, so that it stays.
    wanted = {origin.application: origin.pull_request for origin in reversed(origins)}
    if not wanted:
        return Completed(name="Declined", message=f"No check of ours is known of {(request.commit or '')[:7]}.")
    return _rerun(request, wanted)


def _rerun(request: Request, wanted: dict[str, int | None]) -> State:
    numbers = {number for number in wanted.values() if number is not None}
    for number in numbers:
        pull_request = read_pull_request(request.github, request.repository, number)
        decided = _decide(request, pull_request)
        if not isinstance(decided, Check):
            return _decline(request, number, Decline(getattr(decided, "reason", "it has to be read first")))
    if not numbers and not may_write(request.github, request.repository, request.person):
        return Completed(name="Declined", message=f"{request.person} may not write to {request.repository}.")
    return _start(request, request.commit or "", wanted)


def _about_pull_request(request: Request, number: int) -> State:
    pull_request = read_pull_request(request.github, request.repository, number)
    meant = [
        name for name in request.applications if request.delivery.application(name).branch == pull_request.base_branch
    ]
    if not meant:
        return Completed(name="Declined", message=f"No application follows {pull_request.base_branch}.")
    decided = _decide(request, pull_request)
    match decided:
        case Check():
            if too_much := _too_much(request, number, meant):
                return _decline(request, number, too_much)
            return _start(request, decided.commit, dict.fromkeys(meant, number))
        case AwaitMaintainer():
            return _await(request, pull_request, meant)
        case Decline():
            return _decline(request, number, decided)


def _decide(request: Request, pull_request: PullRequestFacts) -> Check | AwaitMaintainer | Decline:
    """Looked up each time: nothing of this is taken from an event."""

    def may(login: str) -> bool:
        return may_write(request.github, request.repository, login)

    return decide_answer(
        request.asked,
        pull_request,
        request.commit,
        person=request.person,
        person_may_write=may(request.person),
        author_may_write=not pull_request.is_fork or may(pull_request.author),
    )


def _too_much(request: Request, number: int, meant: list[str]) -> Decline | None:
    """Why a /retest is one too many for the pull request; None for whatever else is asked."""
    if request.asked is not Asked.RETEST:
        return None
    for name in meant:
        policy = request.delivery.application(name).pull_requests
        if too_much := decide_retest(policy, find_retests(name, number), datetime.now(UTC)):
            return too_much
    return None


def _reply(request: Request, number: int, said: str, question: str) -> State:
    """Tell who wrote a command what came of it: a decision was handed to its promotion, which may not count it."""
    if not said and request.comment is not None:
        react(request.github, request.repository, request.comment, "eyes")
        said = find_objection(question, seconds=_PATIENCE_SECONDS) if question else ""
    if said:
        return _decline(request, number, Decline(said.removesuffix(".")))
    return Completed(name="Seen", message=f"The decision of {request.person} was handed to its promotion.")


def _start(request: Request, commit: str, wanted: dict[str, int | None]) -> State:
    for name, number in wanted.items():
        run = start_integration(StartIntegrate(name, commit, number), parent=str(flow_run.id))
        get_run_logger().info("Checks of %s %s: %s", name, commit[:7], run_url(str(run)))
        if number is not None:
            cancel_checks(name, number, f"{commit[:7]} is checked instead.", but=[run])
    if request.comment is not None:
        react(request.github, request.repository, request.comment, "+1")
    return Completed(name=FOLLOWED, message=f"{', '.join(wanted)} {commit[:7]} is being checked.")


def _await(request: Request, pull_request: PullRequestFacts, meant: list[str]) -> State:
    reason = f"Waits for a maintainer to read this and comment /ok-to-test {pull_request.head}"
    for name in meant:
        # What was said of a commit before is not what is asked to be merged any more.
        cancel_checks(name, pull_request.number, f"{pull_request.head[:7]} waits for a maintainer.")
        names = check_names(request.delivery, name)
        report = aggregate_report(
            pending(reason), conclusion="action_required", buttons=(OK_TO_TEST,), name=names.aggregate
        )
        origin = Origin(name, pull_request.number, str(flow_run.id))
        url = run_url(str(flow_run.id))
        report_aggregate(request.github, request.repository, pull_request.head, report, names, origin, url)
        body = waiting_comment(name, pull_request.head, pull_request.author)
        write_comment(request.github, request.repository, pull_request.number, body)
    return Completed(name="Waiting", message=f"Pull request {pull_request.number}: {reason}")


def _decline(request: Request, number: int, decided: Decline) -> State:
    if request.comment is not None:
        # The sign comes last: whoever sees it finds the reason.
        write_comment(request.github, request.repository, number, declined_comment(request.comment, decided.reason))
        react(request.github, request.repository, request.comment, "confused")
    return Completed(name="Declined", message=decided.reason)

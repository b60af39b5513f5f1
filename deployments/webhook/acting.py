"""Does what an event asks for, within the time that GitHub gives: nothing here waits for GitHub or for a person."""

import asyncio
import logging
from collections.abc import Awaitable
from dataclasses import dataclass
from typing import TypeVar

import httpx

from deployments.answers import find_question, give_verified_answer
from deployments.integrations import IntegrateRun, Integrations
from deployments.prefect_server import explain
from deployments.webhook.refusal import Refusal
from tasks.approval.ask import question_id
from tasks.domain.delivery.approval import Identity
from tasks.domain.errors import DeliveryError
from tasks.domain.event.asked import CancelChecks, Decide, EventDecision, Ignore, StartAnswer, StartIntegrate
from tasks.domain.feedback.text import quiet
from tasks.runs.checks import MOMENT
from tasks.runs.promotions import run_url

# GitHub takes a delivery as failed after ten seconds; we want to be the ones who say so.
_ANSWER_SECONDS = 8.0
T = TypeVar("T")

logger = logging.getLogger("tidegate.webhook")


@dataclass(frozen=True, slots=True)
class Done:
    """What came of a delivery: the status to answer it with, a word and a sentence, and the runs that it is about."""

    status: int
    result: str
    message: str
    runs: tuple[IntegrateRun, ...] = ()


async def act(decision: EventDecision, delivery_id: str, integrations: Integrations) -> Done:
    """Raises Refusal (503) where Prefect does not take it in time, so that GitHub lists the delivery as failed."""
    match decision:
        case Ignore():
            return Done(200, "ignored", decision.reason)
        case CancelChecks():
            return await in_time(_cancel(decision, integrations), delivery_id)
        case Decide():
            return await in_time(_decide(decision, delivery_id, integrations), delivery_id)
        case StartAnswer():
            return await in_time(_start((decision,), delivery_id, integrations), delivery_id)
        case tuple():
            return await in_time(_start(decision, delivery_id, integrations), delivery_id)


async def in_time(work: Awaitable[T], delivery_id: str) -> T:
    """What comes of the work; raises Refusal (503) where Prefect does not take it in time."""
    try:
        async with asyncio.timeout(_ANSWER_SECONDS):
            return await work
    except httpx.HTTPError as error:
        reason = str(explain(error))
    except (TimeoutError, DeliveryError) as error:
        reason = str(error) or f"Prefect did not take it within {_ANSWER_SECONDS:.0f} seconds"
    logger.error("Delivery %s was not accepted: %s", delivery_id, reason)
    raise Refusal(503, "the run could not be handed to Prefect; redeliver this delivery later")


async def _start(
    wanted: tuple[StartIntegrate | StartAnswer, ...], delivery_id: str, integrations: Integrations
) -> Done:
    runs: list[IntegrateRun] = []
    for start in wanted:
        key, labels = f"github:{delivery_id}:{start.application}", {"tidegate.github-delivery": delivery_id}
        if isinstance(start, StartIntegrate):
            labels[MOMENT] = start.moment
        runs.append(await integrations.start(start, key=key, labels=labels))
        if isinstance(start, StartIntegrate) and start.pull_request:
            await _cancel_older(start, start.pull_request, runs[-1], integrations)
    names = ", ".join(start.name for start in wanted)
    if not any(run.is_new for run in runs):
        return Done(200, "duplicate", f"this delivery has started {names} before", tuple(runs))
    flow = "answer" if isinstance(wanted[0], StartAnswer) else "integrate"
    return Done(202, "started", f"{flow} was started for {names}", tuple(runs))


async def _cancel_older(
    start: StartIntegrate, pull_request: int, run: IntegrateRun, integrations: Integrations
) -> None:
    """A newer commit of the pull request takes the place of those before; that it could not is not worth a failure."""
    why = f"{start.commit[:7]} of the same pull request is checked instead."
    try:
        await integrations.cancel_checks(start.application, pull_request, why, but=[run.run_id], until=start.moment)
    except httpx.HTTPError as error:
        logger.warning("Older checks of %s go on: %s", start.name, explain(error))


async def _cancel(decision: CancelChecks, integrations: Integrations) -> Done:
    why = f"{decision.reason[0].upper()}{decision.reason[1:]}."
    found = [await integrations.cancel_checks(name, decision.pull_request, why) for name in decision.applications]
    runs = tuple(IntegrateRun(run, run_url(str(run)), is_new=False) for cancelled in found for run in cancelled)
    if not runs:
        return Done(200, "ignored", f"{decision.reason}; nothing of it is being checked")
    return Done(202, "cancelled", f"{decision.reason}; its checks are cancelled", runs)


async def _decide(decision: Decide, delivery_id: str, integrations: Integrations) -> Done:
    """Hand a person's decision to the promotion that waits for it, which says whether they may; they get a reply."""
    said = ""
    for name in decision.applications:
        try:
            question = await asyncio.to_thread(find_question, name, decision.environment, decision.commit)
            answer = (question, decision.decision, decision.person, decision.comment, Identity.GITHUB)
            await asyncio.to_thread(give_verified_answer, *answer)
        except DeliveryError as problem:
            said = str(problem)
            continue
        run = IntegrateRun(question.run_id, question.url, is_new=False)
        handed = question_id(str(question.run_id), question.key)
        await _say(decision.reply(question=handed), delivery_id, integrations)
        return Done(202, "answered", f"{decision.decision} was handed to {question.name}", (run,))
    # What people have written stands in the sentence.
    await _say(decision.reply(said=quiet(said)), delivery_id, integrations)
    return Done(200, "ignored", said)


async def _say(reply: StartAnswer, delivery_id: str, integrations: Integrations) -> None:
    """That nobody hears of it is not worth a failure: the decision has been handed over."""
    try:
        await integrations.start(reply, key=f"github:{delivery_id}:reply")
    except (httpx.HTTPError, DeliveryError) as error:
        logger.warning("Nobody is told on GitHub: %s", error)

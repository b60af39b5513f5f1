"""Asks the Prefect server for runs of integrate and answer; the webhook and `tidegate trigger` both do it here."""

import asyncio
from collections.abc import Iterable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from uuid import UUID, uuid4

import httpx
from prefect.client.orchestration import PrefectClient, get_client
from prefect.exceptions import ObjectNotFound

from deployments.prefect_server import explain, require_server
from tasks.domain.errors import ConfigurationError
from tasks.domain.event.analysed import News
from tasks.domain.event.asked import StartAnswer, StartIntegrate
from tasks.runs.checks import cancelling, is_unwanted, open_checks
from tasks.runs.promotions import run_url
from tasks.sonarqube.told import find_waiting, tell

DEPLOYMENTS: dict[type, str] = {StartIntegrate: "integrate/integrate", StartAnswer: "answer/answer"}
# Tells the run that this request made from one that an earlier request with the same key had made.
_REQUEST = "tidegate.request"


@dataclass(frozen=True, slots=True)
class IntegrateRun:
    """A run that the server has in its database; not new where an earlier request with the same key had made it."""

    run_id: UUID
    url: str
    is_new: bool


class Integrations:
    """A connection to the Prefect server that stays open, so that each run costs one request."""

    def __init__(self) -> None:
        require_server()
        self._stack = AsyncExitStack()
        self._opening = asyncio.Lock()
        self._client: PrefectClient | None = None
        self._deployments: dict[type, UUID] = {}

    async def open(self, kind: type = StartIntegrate) -> tuple[PrefectClient, UUID]:
        """Connect and look the deployment up; not necessary, but the first run is then as quick as all others.

        Raises ConfigurationError where the deployment is not there, Unreachable where the server does not answer.
        """
        async with self._opening:
            if self._client is None:
                self._client = await self._stack.enter_async_context(get_client())
            if kind not in self._deployments:
                self._deployments[kind] = await _find_deployment(self._client, DEPLOYMENTS[kind])
            return self._client, self._deployments[kind]

    async def close(self) -> None:
        """Give the connection back."""
        await self._stack.aclose()
        self._client = None
        self._deployments.clear()

    async def start(
        self, wanted: StartIntegrate | StartAnswer, *, key: str, labels: dict[str, str] | None = None
    ) -> IntegrateRun:
        """The run for this key: created, or the one that was there. When this returns, the run cannot be lost any more.

        Prefect's client repeats what is answered with 429, 502 or 503. Raises ConfigurationError where the deployment
        is not there or takes other parameters, Unreachable where the server does not answer.
        """
        try:
            return await self._create(wanted, key, labels or {})
        except ObjectNotFound:
            # It was deployed anew under another id since it was looked up.
            self._deployments.clear()
            return await self._create(wanted, key, labels or {})

    async def cancel_checks(
        self, application: str, pull_request: int, why: str, *, but: Iterable[UUID] = (), until: str = ""
    ) -> tuple[UUID, ...]:
        """Like tasks.runs.checks.cancel_checks, over the open connection; raises httpx errors."""
        client, _ = await self.open()
        found = await client.read_flow_runs(flow_run_filter=open_checks(application, pull_request))
        unwanted = [run.id for run in found if is_unwanted(run, but, until)]
        for run_id in unwanted:
            await client.set_flow_run_state(run_id, cancelling(why))
        return tuple(unwanted)

    async def tell(self, news: News) -> tuple[IntegrateRun, ...]:
        """Tell each run that is at work on the commit; those that were told before are not new. Raises httpx errors."""
        client, _ = await self.open()
        flow = DEPLOYMENTS[StartIntegrate].partition("/")[0]
        waiting = await find_waiting(client, flow, news.commit)
        return tuple([IntegrateRun(run, run_url(str(run)), await tell(client, run, news.task)) for run in waiting])

    async def _create(self, wanted: StartIntegrate | StartAnswer, key: str, labels: dict[str, str]) -> IntegrateRun:
        client, deployment = await self.open(type(wanted))
        request = str(uuid4())
        try:
            run = await client.create_flow_run_from_deployment(
                deployment,
                parameters=wanted.parameters,
                name=wanted.name,
                tags=wanted.tags,
                idempotency_key=key,
                labels={**labels, _REQUEST: request},
            )
        except httpx.HTTPError as error:
            if isinstance(error, httpx.HTTPStatusError) and error.response.status_code == httpx.codes.CONFLICT:
                name = DEPLOYMENTS[type(wanted)]
                sentence = f"the deployment {name} takes other parameters; run `prefect --no-prompt deploy --all`"
                raise ConfigurationError(sentence) from error
            raise explain(error) from error
        return IntegrateRun(run.id, run_url(str(run.id)), is_new=run.labels.get(_REQUEST) == request)


async def _find_deployment(client: PrefectClient, name: str) -> UUID:
    try:
        return (await client.read_deployment_by_name(name)).id
    except ObjectNotFound:
        sentence = f"the Prefect server has no deployment {name}; run `prefect --no-prompt deploy --all`"
        raise ConfigurationError(sentence) from None
    except httpx.HTTPError as error:
        raise explain(error) from error

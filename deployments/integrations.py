"""Asks the Prefect server for runs of the integrate flow; the webhook and `tidegate trigger` both do it here."""

import asyncio
from contextlib import AsyncExitStack
from dataclasses import dataclass
from uuid import UUID, uuid4

import httpx
from prefect.client.orchestration import PrefectClient, get_client
from prefect.exceptions import ObjectNotFound

from deployments.prefect_server import explain, require_server
from tasks.domain.errors import ConfigurationError
from tasks.domain.event import StartIntegrate
from tasks.runs import run_url

DEPLOYMENT = "integrate/integrate"
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
        self._deployment: UUID | None = None

    async def open(self) -> tuple[PrefectClient, UUID]:
        """Connect and look the deployment up; not necessary, but the first run is then as quick as all others.

        Raises ConfigurationError where the deployment is not there, Unreachable where the server does not answer.
        """
        async with self._opening:
            if self._client is None:
                self._client = await self._stack.enter_async_context(get_client())
            if self._deployment is None:
                self._deployment = await _find_deployment(self._client)
            return self._client, self._deployment

    async def close(self) -> None:
        """Give the connection back."""
        await self._stack.aclose()
        self._client = self._deployment = None

    async def start(self, wanted: StartIntegrate, *, key: str, labels: dict[str, str] | None = None) -> IntegrateRun:
        """The run for this key: created, or the one that was there. When this returns, the run cannot be lost any more.

        Prefect's client repeats what is answered with 429, 502 or 503. Raises ConfigurationError where the deployment
        is not there or takes other parameters, Unreachable where the server does not answer.
        """
        try:
            return await self._create(wanted, key, labels or {})
        except ObjectNotFound:
            # It was deployed anew under another id since it was looked up.
            self._deployment = None
            return await self._create(wanted, key, labels or {})

    async def _create(self, wanted: StartIntegrate, key: str, labels: dict[str, str]) -> IntegrateRun:
        client, deployment = await self.open()
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
                sentence = f"the deployment {DEPLOYMENT} takes other parameters; run `prefect --no-prompt deploy --all`"
                raise ConfigurationError(sentence) from error
            raise explain(error) from error
        return IntegrateRun(run.id, run_url(str(run.id)), is_new=run.labels.get(_REQUEST) == request)


async def _find_deployment(client: PrefectClient) -> UUID:
    try:
        return (await client.read_deployment_by_name(DEPLOYMENT)).id
    except ObjectNotFound:
        sentence = f"the Prefect server has no deployment {DEPLOYMENT}; run `prefect --no-prompt deploy --all`"
        raise ConfigurationError(sentence) from None
    except httpx.HTTPError as error:
        raise explain(error) from error

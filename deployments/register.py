"""Makes the Prefect server ready: blocks and their types, the locks of environments, the work pool.

Everything is checked before anything is written, and repeating it changes nothing. Which variables there are is in
deployments.block_settings; what is not set is left as it is on the server.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast
from urllib.parse import urlsplit

import httpx
from prefect.blocks.core import Block
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.actions import WorkPoolCreate
from prefect.exceptions import ObjectAlreadyExists
from prefect.workers.process import ProcessWorker
from pydantic import ValidationError

from blocks.github import GitHub
from deployments.approval_seal import make_seal
from deployments.block_settings import BLOCKS, BlockSettings, Setting
from deployments.prefect_server import explain, require_server
from tasks.delivery import read_delivery
from tasks.domain.delivery.model import Delivery
from tasks.domain.errors import AccessRefused, ConfigurationError
from tasks.github.access import gives_no_answer, missing_access

WORK_POOL = "tidegate"


@dataclass(frozen=True, slots=True)
class Registered:
    """What `register` wrote and what it left alone, in words; never a value."""

    written: tuple[str, ...]
    left_alone: tuple[str, ...]


def register(environment: Mapping[str, str], delivery: Delivery | None = None) -> Registered:
    """Create or update all that flows need on the Prefect server.

    Raises ConfigurationError where a variable is wrong or missing, Unreachable where the server does not answer.
    """
    require_server()
    known = delivery or read_delivery()
    try:
        planned = _plan_blocks(environment)
        noted = [note for plan in planned for note in _check_app(plan, known)]
        with get_client(sync_client=True) as client:
            for settings in BLOCKS:
                settings.kind.register_type_and_schema()
            done = noted + [_save(plan) for plan in planned] + [_lock(client, name) for name in known.environments]
            has_made_pool = _create_work_pool(client)
        done += make_seal()
    except httpx.HTTPError as error:
        raise explain(error) from error
    made = {plan.settings.title for plan in planned}
    left = [_left_alone(settings) for settings in BLOCKS if settings.title not in made]
    if has_made_pool:
        return Registered((*done, f"work pool {WORK_POOL}"), tuple(left))
    return Registered(tuple(done), (*left, f"work pool {WORK_POOL}: it is there already"))


@dataclass(frozen=True, slots=True)
class _Plan:
    """A block that is checked but not saved yet, and the variables that it was made from."""

    settings: BlockSettings
    block: Block
    variables: tuple[str, ...]


def _plan_blocks(environment: Mapping[str, str]) -> list[_Plan]:
    planned: list[_Plan] = []
    for settings in BLOCKS:
        given = {s.field: _value(s, environment) for s in settings.settings if environment.get(s.variable)}
        parts = {
            field: plan.block
            for field, kind in settings.parts.items()
            for plan in planned
            if isinstance(plan.block, kind) and plan.settings.name == settings.name
        }
        if not given and not parts:
            continue
        also = {s.field: _value(s, environment) for s in settings.also if environment.get(s.variable)}
        held = {field: p.block for field, kind in settings.held.items() for p in planned if isinstance(p.block, kind)}
        block = _build(settings, {**given, **also, **held}, parts)
        variables = tuple(s.variable for s in settings.settings if s.field in given)
        planned.append(_Plan(settings, block, variables))
    return planned


def _value(setting: Setting, environment: Mapping[str, str]) -> str:
    value = environment[setting.variable].strip()
    if "://" not in value:
        return value
    address = urlsplit(value)
    if address.password or (address.username and address.scheme.startswith("http")):
        raise ConfigurationError(
            f"{setting.variable} holds credentials; take them out, they have variables of their own"
        )
    return value.rstrip("/")


def _build(settings: BlockSettings, given: Mapping[str, str | Block], parts: dict[str, Block]) -> Block:
    """The block as it is on the server with what is given on top; a part that is given replaces the other kinds."""
    existing = _load(settings)
    values: dict[str, Any] = {}
    if existing is not None:
        values = {name: getattr(existing, name) for name in settings.kind.model_fields}
    if parts:
        values = {name: value for name, value in values.items() if name not in settings.parts}
    try:
        return settings.kind(**{**values, **given, **parts})
    except ValidationError as error:
        raise ConfigurationError(_complaint(settings, error)) from None


def _load(settings: BlockSettings) -> Block | None:
    try:
        return cast(Block, settings.kind.load(settings.name))
    except ValueError:
        return None


def _complaint(settings: BlockSettings, error: ValidationError) -> str:
    variables = {s.field: s.variable for s in (*settings.settings, *settings.also)}
    for field, kind in settings.parts.items():
        variables[field] = next(s.settings[0].variable for s in BLOCKS if s.kind is kind)
    said = []
    for one in error.errors(include_input=False, include_url=False):
        field = str(one["loc"][0]) if one["loc"] else ""
        if not field:
            said.append(one["msg"].removeprefix("Value error, "))
            continue
        problem = "is not set" if one["type"] == "missing" else f"is not right: {one['msg']}"
        said.append(f"{variables.get(field, field)} {problem}")
    return f"{settings.title} cannot be made: {'; '.join(said)}"


def _check_app(plan: _Plan, delivery: Delivery) -> list[str]:
    """Raises ConfigurationError where GitHub does not take the App's key, or the App lacks a permission."""
    block = plan.block
    if not isinstance(block, GitHub) or block.app is None:
        return []
    name = plan.settings.name
    repositories = [app.repository for app in delivery.applications.values() if app.github == name]
    try:
        missing = missing_access(block, repositories)
    except AccessRefused as refusal:
        raise ConfigurationError(str(refusal)) from refusal
    except httpx.HTTPError as error:
        return [f"{plan.settings.title}: {gives_no_answer(error)}"]
    if missing:
        raise ConfigurationError("\n".join(missing))
    return [f"{plan.settings.title}: the App may do all that is needed in {', '.join(repositories) or 'no repository'}"]


def _save(plan: _Plan) -> str:
    plan.block.save(plan.settings.name, overwrite=True)
    return f"{plan.settings.title}: {', '.join(plan.variables) or 'its credentials'}"


def _left_alone(settings: BlockSettings) -> str:
    return f"{settings.title}: none of {', '.join(s.variable for s in settings.settings)} is set"


def _lock(client: SyncPrefectClient, environment: str) -> str:
    """Only one run may change an environment at a time; flows take this limit in strict mode, so it has to exist."""
    name = f"environment:{environment}"
    client.upsert_global_concurrency_limit_by_name(name, 1)
    return f"global concurrency limit {name}: 1"


def _create_work_pool(client: SyncPrefectClient) -> bool:
    template = ProcessWorker.get_default_base_job_template()
    try:
        client.create_work_pool(WorkPoolCreate(name=WORK_POOL, type="process", base_job_template=template))
    except ObjectAlreadyExists:
        return False
    return True

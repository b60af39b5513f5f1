"""Checks prefect.yaml as a whole: Prefect itself ignores keys that it does not know, and finds the rest only at night.

What may stand in the file is in deployments.prefect_values.
"""

import importlib
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any
from zoneinfo import available_timezones

from prefect import Flow
from prefect.client.schemas.schedules import CronSchedule
from pydantic import ValidationError

from deployments.prefect_values import Deployment, PrefectFile, Schedule
from tasks.domain.configuration.located_yaml import Mistake, Place, read_yaml
from tasks.domain.configuration.model_mistakes import find_mistakes, read_model, suggest
from tasks.domain.errors import ConfigurationError

# A deployment's limit is held by a lease that ends while a run waits for a person, and takes the run with it
# (https://github.com/PrefectHQ/prefect/issues/20251).
_WAITS_FOR_PEOPLE = {"flows.promote.promote", "flows.release.release"}


def check_prefect_file(file: Path) -> PrefectFile:
    """The deployments in the file, each with a flow that can be imported.

    Raises ConfigurationError with all mistakes, each on a line `file:line: key.path: what is wrong; what is allowed`.
    """
    try:
        located = read_yaml(file.read_text(encoding="utf-8"), file=str(file))
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{file} cannot be read ({error}); work in the folder that holds it") from None
    mistakes = [*located.mistakes, *find_mistakes(PrefectFile, located.value)]
    if not mistakes:
        mistakes = list(_broken_rules(read_model(PrefectFile, located.value)))
    if mistakes:
        raise ConfigurationError(located.report(mistakes))
    return read_model(PrefectFile, located.value)


def _broken_rules(content: PrefectFile) -> Iterator[Mistake]:
    seen: set[tuple[str, str]] = set()
    for index, deployment in enumerate(content.deployments):
        place: Place = ("deployments", index)
        if (deployment.entrypoint, deployment.name) in seen:
            yield Mistake((*place, "name"), f"{deployment.name!r} is there twice for the same flow; rename one")
        seen.add((deployment.entrypoint, deployment.name))
        if deployment.concurrency_limit and deployment.entrypoint in _WAITS_FOR_PEOPLE:
            sentence = "would kill runs that wait for an approval; leave it out, environments have locks of their own"
            yield Mistake((*place, "concurrency_limit"), sentence)
        for number, schedule in enumerate(deployment.schedules):
            yield from _schedule_mistakes(schedule, (*place, "schedules", number))
        yield from _flow_mistakes(deployment, place)


def _schedule_mistakes(schedule: Schedule, place: Place) -> Iterator[Mistake]:
    try:
        CronSchedule(cron=schedule.cron)
    except ValidationError:
        sentence = f"{schedule.cron!r} is not a cron expression; give minute, hour, day, month and weekday"
        yield Mistake((*place, "cron"), sentence)
    zones = available_timezones()
    if schedule.timezone not in zones:
        sentence = f"unknown time zone {schedule.timezone!r}; {suggest(schedule.timezone, zones)}give an IANA name"
        yield Mistake((*place, "timezone"), sentence)


def _flow_mistakes(deployment: Deployment, place: Place) -> Iterator[Mistake]:
    flow = _load_flow(deployment.entrypoint)
    if isinstance(flow, str):
        yield Mistake((*place, "entrypoint"), flow)
        return
    known, required = flow.parameters.properties, flow.parameters.required
    yield from _unknown_parameters(deployment.parameters, known, flow.name, (*place, "parameters"))
    for number, schedule in enumerate(deployment.schedules):
        here: Place = (*place, "schedules", number)
        yield from _unknown_parameters(schedule.parameters, known, flow.name, (*here, "parameters"))
        for name in required:
            if name not in deployment.parameters | schedule.parameters:
                sentence = f"the flow {flow.name} needs {name!r}, and nobody fills it in at night; give it here"
                yield Mistake((*here, "parameters"), sentence)


def _unknown_parameters(given: dict[str, Any], known: Collection[str], flow: str, place: Place) -> Iterator[Mistake]:
    for name in given:
        if name not in known:
            listed = ", ".join(known) or "none"
            sentence = f"the flow {flow} has no such parameter; {suggest(name, known)}known: {listed}"
            yield Mistake((*place, name), sentence)


def _load_flow(entrypoint: str) -> Flow[..., Any] | str:
    """The flow, or what is wrong with its entrypoint."""
    module_name, dot, name = entrypoint.rpartition(".")
    if ":" in entrypoint or "/" in entrypoint or not dot:
        return f"{entrypoint!r} is not dotted; write package.module.function, or flows/ lands on the import path"
    try:
        module = importlib.import_module(module_name)
    except (ImportError, SyntaxError) as error:
        return f"{module_name} cannot be imported ({error}); correct the entrypoint or the module"
    flow = getattr(module, name, None)
    if isinstance(flow, Flow):
        return flow
    flows = [key for key, value in vars(module).items() if isinstance(value, Flow)]
    return f"{module_name} has no flow {name!r}; {suggest(name, flows)}its flows: {', '.join(flows) or 'none'}"

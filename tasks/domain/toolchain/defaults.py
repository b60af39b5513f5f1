"""The checks of an application that names none, or only some: the platform's defaults for its toolchain."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from tasks.domain.delivery.application import AUTO, Application
from tasks.domain.gates.check import Check
from tasks.domain.toolchain.go import go_checks
from tasks.domain.toolchain.gradle import gradle_checks
from tasks.domain.toolchain.maven import maven_checks
from tasks.domain.toolchain.node import node_checks
from tasks.domain.toolchain.python import python_checks
from tasks.domain.toolchain.recognition import NotRecognised, ToolchainName, TreeFacts, recognise

_CHECKS: Mapping[ToolchainName, Callable[[TreeFacts], dict[str, Check]]] = {
    "python": python_checks,
    "node": node_checks,
    "maven": lambda _: maven_checks(),
    "gradle": gradle_checks,
    "go": lambda _: go_checks(),
}


@dataclass(frozen=True, slots=True)
class Equipped:
    """An application with all its checks; `said` is the sentence on what was recognised, where that was asked for."""

    application: Application
    toolchain: ToolchainName | None
    said: str | None = None


def equip(application: Application, tree: TreeFacts) -> Equipped | NotRecognised:
    """The application as it is checked: its toolchain's default checks, with what it sets itself in their place.

    Defaults are the platform's and chosen by the commit's files; what these say can add work, but no file that is
    missing takes a check away.
    """
    wanted = application.wanted_toolchain
    if wanted is None:
        return Equipped(application, None)
    if wanted != AUTO:
        return Equipped(_with_defaults(application, default_checks(wanted, tree)), wanted)
    found = recognise(tree)
    if isinstance(found, NotRecognised):
        return found
    whole = _with_defaults(application, default_checks(found.toolchain, tree))
    said = f"Recognised {found.toolchain} by {', '.join(found.by)}; its checks are {', '.join(whole.checks)}."
    return Equipped(whole, found.toolchain, said)


def default_checks(toolchain: ToolchainName, tree: TreeFacts) -> dict[str, Check]:
    """What the toolchain's applications are checked with, by name."""
    return _CHECKS[toolchain](tree)


def _with_defaults(application: Application, defaults: Mapping[str, Check]) -> Application:
    kept = {name: check for name, check in defaults.items() if name not in application.skip_defaults}
    own = {name: _completed(check, kept.get(name)) for name, check in application.checks.items()}
    return application.model_copy(update={"checks": {**kept, **own}})


def _completed(check: Check, default: Check | None) -> Check:
    """A check without a command is the default with some settings changed."""
    if check.command or check.sonarqube or default is None:
        return check
    changed = {name: getattr(check, name) for name in check.model_fields_set}
    return default.model_copy(update=changed)

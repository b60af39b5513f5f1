"""What must hold between the parts of a delivery configuration, beyond each part being well-formed."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from tasks.domain.configuration.located_yaml import Mistake, Place
from tasks.domain.configuration.model_mistakes import suggest
from tasks.domain.delivery.application import Application
from tasks.domain.delivery.environment import Environment
from tasks.domain.gates.check import COVERAGE_FORMATS, DEFAULT_CHECKS, FINDING_FORMATS, VULNERABILITY_FORMATS
from tasks.domain.gates.gate import COVERAGE, FINDINGS, RESERVED, VULNERABILITIES

_REPORTED_IN = {
    COVERAGE: COVERAGE_FORMATS,
    FINDINGS: FINDING_FORMATS,
    VULNERABILITIES: (*VULNERABILITY_FORMATS, "sarif"),
    "sonarqube": ("sonarqube",),
}


@dataclass(frozen=True, slots=True)
class References:
    """What one environment says about others; can be read where the rest of the environment cannot."""

    needs: tuple[str, ...]
    applications: tuple[str, ...]

    def holds(self, application: str) -> bool:
        """Whether the application has a place in the environment."""
        return not self.applications or application in self.applications


@dataclass(frozen=True, slots=True)
class Parts:
    """The parts that can be read, and by name all that there are, so that a broken one is not called unknown."""

    applications: Mapping[str, Application]
    environments: Mapping[str, Environment]
    application_names: Collection[str]
    references: Mapping[str, References]
    freezes: tuple[tuple[str, ...], ...] = ()


def find_broken_rules(parts: Parts) -> list[Mistake]:
    """Every rule that the parts break, each at the place that has to change."""
    return [
        *_unknown_names(parts),
        *_circles(parts.references),
        *_soaking_nowhere(parts.environments),
        *_unreachable(parts),
        *_shared_places(parts),
        *_gates_without_check(parts.applications),
    ]


def _unknown_names(parts: Parts) -> Iterator[Mistake]:
    for name, environment in parts.references.items():
        place = ("environments", name)
        yield from find_unknown("environment", environment.needs, parts.references, (*place, "needs"))
        yield from find_unknown(
            "application", environment.applications, parts.application_names, (*place, "applications")
        )
    for index, names in enumerate(parts.freezes):
        yield from find_unknown("environment", names, parts.references, ("freezes", index, "environments"))


def find_unknown(kind: str, names: tuple[str, ...], known: Collection[str], place: Place) -> Iterator[Mistake]:
    """Each name that is not known, or that is there twice; an empty one was told elsewhere."""
    for index, name in enumerate(names):
        if name and name not in known:
            sentence = f"unknown {kind} {name!r}; {suggest(name, known)}known: {', '.join(known)}"
            yield Mistake((*place, index), sentence)
        elif name and name in names[:index]:
            yield Mistake((*place, index), f"{kind} {name!r} is named twice; leave one out")


def _soaking_nowhere(environments: Mapping[str, Environment]) -> Iterator[Mistake]:
    for name, environment in environments.items():
        if environment.soak_seconds and not environment.needs:
            sentence = f"{name} needs no other environment in which a candidate could soak; add `needs`, or remove this"
            yield Mistake(("environments", name, "soak-seconds"), sentence)


def _circles(environments: Mapping[str, References]) -> Iterator[Mistake]:
    told: set[str] = set()
    for name in environments:
        circle = _circle(name, environments)
        if circle and not told & set(circle):
            told |= set(circle)
            way = ", which needs ".join((*circle[1:], name))
            yield Mistake(("environments", name, "needs"), f"{name} needs {way}: a circle; leave one of them out")


def _circle(start: str, environments: Mapping[str, References]) -> tuple[str, ...] | None:
    """The shortest way from the environment back to itself, without its end."""
    ways: list[tuple[str, ...]] = [(start,)]
    seen: set[str] = set()
    for way in ways:
        here = environments.get(way[-1])
        for needed in here.needs if here else ():
            if needed == start:
                return way
            if needed not in seen:
                seen.add(needed)
                ways.append((*way, needed))
    return None


def _unreachable(parts: Parts) -> Iterator[Mistake]:
    for name, environment in parts.references.items():
        for index, needed in enumerate(environment.needs):
            before = parts.references.get(needed)
            if before is None or not set(before.applications) <= set(parts.application_names):
                continue
            never = [app for app in parts.application_names if environment.holds(app) and not before.holds(app)]
            if never:
                sentence = (
                    f"{needed} does not hold {', '.join(never)}, so nothing could ever be promoted to {name}; add it "
                    f"to {needed}'s applications, or make an environment without this need"
                )
                yield Mistake(("environments", name, "needs", index), sentence)


def _shared_places(parts: Parts) -> Iterator[Mistake]:
    owners: dict[tuple[str, ...], str] = {}
    for name, environment in parts.environments.items():
        for application in (app for app in parts.application_names if environment.holds(app)):
            manifest = environment.for_application(application).manifest
            place = (environment.gitops, manifest.file, manifest.at, manifest.resource or "")
            owner = owners.setdefault(place, f"{application} in {name}")
            if owner != f"{application} in {name}":
                sentence = (
                    f"{application} in {name} would be written to the same place as {owner} ({manifest.at!r} in "
                    f"{manifest.file}); give each a file or a key of its own"
                )
                yield Mistake(("environments", name, "manifest", "file"), sentence)


def _gates_without_check(applications: Mapping[str, Application]) -> Iterator[Mistake]:
    for name, application in applications.items():
        place = ("applications", name)
        for check_name, check in application.checks.items():
            here = (*place, "checks", check_name)
            if check_name in RESERVED:
                yield Mistake(here, f"{check_name} is another gate's name; give the check another one")
            if check.command and check.sonarqube:
                yield Mistake(
                    (*here, "command"), "the scanner's command is made from `sonarqube`; remove one of the two"
                )
            is_complete = check.command or check.sonarqube
            if not is_complete and not (application.toolchain and check_name in DEFAULT_CHECKS):
                known = ", ".join(DEFAULT_CHECKS)
                sentence = f"has no command; name one (only a default check of a `toolchain` brings its own: {known})"
                yield Mistake(here, sentence)
            if set(check.exit_codes) != {0} and not check.reports.paths():
                sentence = "without a report nothing says what the command found; name its `reports`, or remove this"
                yield Mistake((*here, "exit-codes"), sentence)
        for gate, formats in _REPORTED_IN.items():
            is_reported = any(
                check.reports.has_any(formats) or (check.sonarqube and gate == "sonarqube")
                for check in application.checks.values()
            )
            # A toolchain's default checks are known only with the commit's files.
            if application.gates.asks_for(gate) and not is_reported and application.wanted_toolchain is None:
                sentence = f"no check reports to it; add `reports` with one of {', '.join(formats)} to a check"
                yield Mistake((*place, "gates", gate), sentence)

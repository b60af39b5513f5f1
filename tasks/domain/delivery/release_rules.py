"""What must hold between the releases of a delivery configuration and the environments that they go to."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from tasks.domain.configuration.located_yaml import Mistake
from tasks.domain.delivery.environment import Environment
from tasks.domain.delivery.rules import Parts, find_unknown


@dataclass(frozen=True, slots=True)
class ReleaseParts:
    """What a release names; can be read where the rest of it cannot."""

    applications: tuple[str, ...]
    environments: tuple[str, ...]


def find_broken_releases(releases: Mapping[str, ReleaseParts], parts: Parts) -> list[Mistake]:
    """Every rule that the releases break, each at the place that has to change."""
    return [*_unknown_names(releases, parts), *_unfit_environments(releases, parts), *_in_two(releases)]


def _unknown_names(releases: Mapping[str, ReleaseParts], parts: Parts) -> Iterator[Mistake]:
    for name, release in releases.items():
        place = ("releases", name)
        applications = (*place, "applications")
        yield from find_unknown("application", release.applications, parts.application_names, applications)
        yield from find_unknown("environment", release.environments, parts.references, (*place, "environments"))


def _unfit_environments(releases: Mapping[str, ReleaseParts], parts: Parts) -> Iterator[Mistake]:
    for name, release in releases.items():
        for index, where in enumerate(release.environments):
            environment = parts.environments.get(where)
            if environment is None:
                continue
            place = ("releases", name, "environments", index)
            for problem in _problems(where, environment):
                yield Mistake(place, f"{problem}, or take {where} out of this release")
            known = [member for member in release.applications if member in parts.application_names]
            if missing := [member for member in known if not environment.holds(member)]:
                yield Mistake(
                    place,
                    f"{where} does not hold {', '.join(missing)}; add it to {where}'s applications, or take one of "
                    "both out of this release",
                )


def _problems(where: str, environment: Environment) -> Iterator[str]:
    if not environment.needs:
        yield f"{where} needs no other environment whose candidates could go together; add `needs` there"
    if environment.write.is_by_pull_request:
        yield (
            f"{where} is changed by pull requests, one for each application, but a release is one commit; let "
            "it be changed by a push (`write: {mode: push}`)"
        )
    if environment.order == "queue":
        yield f"{where} takes candidates in turn, but a release is always the newest set; remove `order: queue`"


def _in_two(releases: Mapping[str, ReleaseParts]) -> Iterator[Mistake]:
    owners: dict[tuple[str, str], str] = {}
    for name, release in releases.items():
        for index, member in enumerate(release.applications):
            for where in release.environments:
                owner = owners.setdefault((member, where), name)
                if owner != name:
                    sentence = f"{member} goes to {where} with release {owner} already; leave it out of one of both"
                    yield Mistake(("releases", name, "applications", index), sentence)

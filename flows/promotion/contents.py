"""Compares what is in an image with what is in the one that runs now: its packages and its known vulnerabilities."""

from collections.abc import Iterable, Mapping
from typing import Any

from flows.places.place import Place
from flows.proof import read_statements
from tasks.domain.candidate import ReleaseCandidate
from tasks.domain.image import ImageReference
from tasks.domain.proof.kinds import CYCLONEDX, GATES
from tasks.domain.proof.sbom import package_change, packages_of
from tasks.domain.proof.vulnerabilities import vulnerabilities_of, vulnerability_change

_SHOWN = 12

Predicate = Mapping[str, Any]


def compare_contents(place: Place, runs_now: ImageReference | None, candidate: ReleaseCandidate) -> tuple[str, ...]:
    """A sentence each, as far as signed statements about both images tell; nothing where nothing runs or is signed."""
    if runs_now is None or runs_now.digest is None or place.signing is None:
        return ()
    before, after = (_statements(place, digest) for digest in (runs_now.digest, candidate.digest))
    return (*_packages(before.get(CYCLONEDX), after.get(CYCLONEDX)), *_vulnerabilities(before[GATES], after[GATES]))


def _packages(before: Predicate | None, after: Predicate | None) -> Iterable[str]:
    if not after:
        return ("Packages: not known, the image has no signed SBOM",)
    if not before:
        return (f"Packages: {len(packages_of(after))}; those of what runs now are not known",)
    change = package_change(packages_of(before), packages_of(after))
    lines = (
        *(f"+ {package}" for package in change.added),
        *(f"- {package}" for package in change.removed),
        *(f"{old} -> {new.version}" for old, new in change.changed),
    )
    return (f"Packages, compared with what runs now: {change}", *_first(lines))


def _vulnerabilities(before: Predicate, after: Predicate) -> Iterable[str]:
    known, new = vulnerabilities_of(before), vulnerabilities_of(after)
    if new is None:
        return ("Vulnerabilities: not known, no check of this application lists them",)
    if known is None:
        return (f"Vulnerabilities: {len(new)}; those of what runs now are not known", *_first(tuple(new.values())))
    change = vulnerability_change(known, new)
    lines = (*(f"+ {one}" for one in change.added), *(f"- {one}" for one in change.removed))
    return (f"Vulnerabilities, compared with what runs now: {change}", *_first(lines))


def _first(lines: tuple[str, ...]) -> Iterable[str]:
    yield from lines[:_SHOWN]
    if len(lines) > _SHOWN:
        yield f"and {len(lines) - _SHOWN} more"


def _statements(place: Place, digest: str) -> dict[str, Predicate]:
    """The newest of each kind that a trusted key has signed; no results of gates are empty ones."""
    if place.signing is None:
        raise AssertionError("only called with a key")
    known = read_statements(place.registry, place.app.image, place.signing, digest, CYCLONEDX, GATES)
    return {GATES: {}} | {each.predicate_type: each.predicate for each in known}

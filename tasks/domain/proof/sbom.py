"""The packages that an SBOM lists, and what changed between two of them.

https://cyclonedx.org/docs/1.6/json/
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tasks.domain.wording import counted

# What else a scanner lists, such as files and the operating system, is no package.
_PACKAGES = {"library", "application", "framework"}


@dataclass(frozen=True, slots=True, order=True)
class Package:
    """One package; `kind` is that of its package URL, such as deb or pypi, for names repeat between them."""

    name: str
    version: str
    kind: str = ""

    def __str__(self) -> str:
        return f"{self.name} {self.version}".rstrip()


@dataclass(frozen=True, slots=True)
class PackageChange:
    """What another image brings: packages that are new, gone, or there in another version (`old`, `new`)."""

    added: tuple[Package, ...] = ()
    removed: tuple[Package, ...] = ()
    changed: tuple[tuple[Package, Package], ...] = ()

    def __str__(self) -> str:
        if not (self.added or self.removed or self.changed):
            return "the same packages"
        parts = {"added": len(self.added), "removed": len(self.removed), "changed": len(self.changed)}
        said = ", ".join(f"{number} {word}" for word, number in parts.items() if number)
        return f"{counted(sum(parts.values()), 'package')}: {said}"


def packages_of(cyclonedx: Mapping[str, Any]) -> frozenset[Package]:
    """The packages of a CycloneDX document; what is malformed in it is left out."""
    components = cyclonedx.get("components")
    listed = [one for one in components if isinstance(one, Mapping)] if isinstance(components, list) else []
    return frozenset(
        Package(str(one.get("name", "")), str(one.get("version") or ""), _kind(one))
        for one in listed
        if one.get("type") in _PACKAGES
    )


def package_change(before: frozenset[Package], after: frozenset[Package]) -> PackageChange:
    """The difference; a package that is there in one version before and in one other after has changed."""
    gone, new = sorted(before - after), sorted(after - before)
    changed = []
    for old in gone:
        same = [one for one in new if (one.name, one.kind) == (old.name, old.kind)]
        if len(same) == 1 and sum((one.name, one.kind) == (old.name, old.kind) for one in gone) == 1:
            changed.append((old, same[0]))
    replaced = {one for pair in changed for one in pair}
    return PackageChange(
        tuple(one for one in new if one not in replaced),
        tuple(one for one in gone if one not in replaced),
        tuple(changed),
    )


def _kind(component: Mapping[str, Any]) -> str:
    purl = str(component.get("purl") or "")
    return purl.removeprefix("pkg:").partition("/")[0] if purl.startswith("pkg:") else ""

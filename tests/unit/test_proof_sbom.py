"""An SBOM's packages are counted, and what another image brings is said in a sentence."""

from typing import Any

import pytest

from tasks.domain.proof.sbom import Package, PackageChange, package_change, packages_of

OPENSSL, NEWER = Package("openssl", "3.0.1", "deb"), Package("openssl", "3.0.2", "deb")
HTTPX, RICH = Package("httpx", "0.28", "pypi"), Package("rich", "13", "pypi")


def test_packages_are_what_is_installed_and_not_each_file_or_the_system() -> None:
    components = [
        {"type": "library", "name": "openssl", "version": "3.0.1", "purl": "pkg:deb/debian/openssl@3.0.1?arch=amd64"},
        {"type": "application", "name": "python", "version": "3.12"},
        {"type": "file", "name": "/etc/passwd"},
        {"type": "operating-system", "name": "debian", "version": "12"},
    ]
    assert packages_of({"components": components}) == {OPENSSL, Package("python", "3.12")}


@pytest.mark.parametrize("document", [{}, {"components": None}, {"components": "x"}, {"components": [1, None]}])
def test_an_sbom_without_components_has_no_packages(document: dict[str, Any]) -> None:
    assert packages_of(document) == frozenset()


def test_a_change_is_told_apart_from_a_package_that_comes_or_goes() -> None:
    change = package_change(frozenset({OPENSSL, HTTPX}), frozenset({NEWER, RICH}))
    assert change == PackageChange((RICH,), (HTTPX,), ((OPENSSL, NEWER),))
    assert str(change) == "3 packages: 1 added, 1 removed, 1 changed"
    assert str(package_change(frozenset({OPENSSL}), frozenset({OPENSSL}))) == "the same packages"


def test_the_same_name_of_another_kind_is_another_package() -> None:
    other = Package("openssl", "3.0.2", "gem")
    assert package_change(frozenset({OPENSSL}), frozenset({other})) == PackageChange((other,), (OPENSSL,))


def test_a_package_in_several_versions_is_not_guessed_at() -> None:
    third = Package("openssl", "1.1", "deb")
    change = package_change(frozenset({OPENSSL, third}), frozenset({NEWER}))
    assert change == PackageChange((NEWER,), (third, OPENSSL))

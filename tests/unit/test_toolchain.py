"""A commit's files name its toolchain, and that brings checks which no missing file takes away."""

import json

import pytest

from tasks.domain.delivery.application import Application
from tasks.domain.gates.check import Check, Reports
from tasks.domain.toolchain.defaults import Equipped, default_checks, equip
from tasks.domain.toolchain.recognition import NotRecognised, Recognised, TreeFacts, recognise

REMEDY = "set the application's `toolchain`, or its `checks`, in the delivery configuration."


def tree(*names: str, **texts: str) -> TreeFacts:
    return TreeFacts(frozenset(names), {name.replace("_", "."): text for name, text in texts.items()})


def application(**settings: object) -> Application:
    return Application.model_validate({"repository": "acme/shop", "image": "shop", **settings})


def equipped(app: Application, facts: TreeFacts) -> Equipped:
    found = equip(app, facts)
    assert isinstance(found, Equipped)
    return found


@pytest.mark.parametrize(
    ("names", "toolchain", "by"),
    [
        (("pyproject.toml", "README.md"), "python", ("pyproject.toml",)),
        (("setup.cfg", "requirements.txt"), "python", ("requirements.txt", "setup.cfg")),
        (("package.json", "package-lock.json"), "node", ("package.json",)),
        (("pom.xml", "mvnw"), "maven", ("pom.xml",)),
        (("settings.gradle.kts", "gradlew"), "gradle", ("settings.gradle.kts",)),
        (("go.mod", "go.sum"), "go", ("go.mod",)),
    ],
)
def test_a_toolchain_is_known_by_the_files_in_the_root(
    names: tuple[str, ...], toolchain: str, by: tuple[str, ...]
) -> None:
    found = recognise(tree(*names))
    assert isinstance(found, Recognised)
    assert (found.toolchain, found.by) == (toolchain, by)


def test_no_toolchain_and_several_are_said_with_what_to_do() -> None:
    nothing, several = recognise(tree("README.md")), recognise(tree("go.mod", "package.json"))
    assert isinstance(nothing, NotRecognised)
    assert nothing.reason.startswith("The repository's root has no file of a known toolchain (pyproject.toml, ")
    assert nothing.reason.endswith(REMEDY)
    assert several == NotRecognised(
        f"The repository's root fits several toolchains: node (package.json) and go (go.mod); {REMEDY}"
    )


def test_an_application_without_checks_gets_those_of_what_is_recognised_and_shows_it() -> None:
    found = equipped(application(), tree("go.mod"))
    assert list(found.application.checks) == ["lint", "tests"]
    assert found.said == "Recognised go by go.mod; its checks are lint, tests."


def test_checks_without_a_toolchain_are_all_that_there_is() -> None:
    own = application(checks={"lint": {"command": ["make", "lint"]}})
    assert equip(own, tree("go.mod")) == Equipped(own, None)
    assert equip(own, tree()) == Equipped(own, None)


def test_a_toolchain_that_is_written_down_is_not_for_the_commit_to_change() -> None:
    app = application(toolchain="node")
    for facts in (tree("package.json", "package-lock.json"), tree("go.mod"), tree()):
        assert list(equipped(app, facts).application.checks) == ["install", "lint", "tests", "audit"]
        assert equipped(app, facts).said is None


@pytest.mark.parametrize("lock", ["package-lock.json", "requirements.txt", "go.sum", "gradlew", "tests"])
@pytest.mark.parametrize("toolchain", ["python", "node", "maven", "gradle", "go"])
def test_taking_a_file_away_takes_no_check_and_no_report_away(toolchain: str, lock: str) -> None:
    app = application(toolchain=toolchain)
    whole, less = (equipped(app, facts).application.checks for facts in (tree(lock), tree()))
    assert {name: check.reports for name, check in whole.items()} == {name: one.reports for name, one in less.items()}


def test_a_check_of_the_same_name_takes_the_default_s_place_or_changes_only_what_it_says() -> None:
    settings = {"lint": {"command": ["make", "lint"]}, "tests": {"timeout-seconds": 7}, "extra": {"command": ["x"]}}
    app = application(toolchain="go", checks=settings)
    checks = equipped(app, tree("go.mod")).application.checks
    assert list(checks) == ["lint", "tests", "extra"]
    assert checks["lint"] == Check(command=("make", "lint"))
    default = default_checks("go", tree())["tests"]
    assert checks["tests"] == default.model_copy(update={"timeout_seconds": 7})


def test_a_default_check_that_is_not_wanted_is_left_out() -> None:
    app = application(toolchain="python", **{"skip-defaults": ["audit", "install"]})
    assert list(equipped(app, tree("setup.py")).application.checks) == ["lint", "tests"]


def test_the_defaults_of_every_toolchain_bring_tests_and_coverage() -> None:
    for toolchain in ("python", "node", "maven", "gradle", "go"):
        reports = default_checks(toolchain, tree())["tests"].reports  # type: ignore[arg-type]
        assert reports.has_any(("junit", "go-test"))
        assert reports.has_any(("cobertura", "lcov", "jacoco", "go-cover"))


PROJECT = """
[project]
name = "shop"
[project.optional-dependencies]
dev = ["x"]
[dependency-groups]
dev = ["pytest-xdist>=3", {include-group = "more"}, {include-group = "dev"}]
more = ["hypothesis; python_version > '3'", "--index-url=https://evil.example"]
"""


def test_what_a_python_project_names_for_its_tests_is_installed() -> None:
    install = default_checks("python", tree("pyproject.toml", "requirements.txt", pyproject_toml=PROJECT))["install"]
    [line] = [one for one in install.command[2].splitlines() if "requirement" in one]
    assert line == (
        ".venv/bin/python -m pip install -q '--requirement=requirements.txt' '.[dev]' 'pytest-xdist>=3' "
        "'hypothesis; python_version > \"3\"'"
    )


def test_settings_of_a_tool_alone_are_nothing_to_install() -> None:
    for text in ("[tool.ruff]\n", ""):
        install = default_checks("python", tree("pyproject.toml", pyproject_toml=text))["install"]
        assert "pip install -q '" not in install.command[2]


@pytest.mark.parametrize(
    ("package", "runs"),
    [
        ({"devDependencies": {"vitest": "3"}}, "vitest run"),
        ({"dependencies": {"jest": "29"}}, "jest --ci"),
        ({}, "node --test"),
        ([], "node --test"),
        ({"devDependencies": None}, "node --test"),
    ],
)
def test_node_s_tests_run_with_the_runner_that_package_json_names(package: object, runs: str) -> None:
    tests = default_checks("node", tree("package.json", package_json=json.dumps(package)))["tests"]
    assert runs in tests.command[2]
    assert tests.reports == Reports(junit="build/reports/junit.xml", lcov="build/reports/lcov.info")
    assert "{reports}" not in tests.command[2]

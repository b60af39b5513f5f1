"""Imports go one way, and the domain knows nothing of the world."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
MAY_IMPORT = {
    "blocks": {"blocks"},
    "tasks.domain": {"tasks.domain"},
    "tasks": {"tasks.domain", "blocks"},
    "flows": {"flows", "tasks", "tasks.domain", "blocks"},
    "deployments": {"deployments", "flows", "tasks", "tasks.domain", "blocks"},
}
# What several task modules stand on: no outside system of its own, and no @task.
SHARED_BY_TASKS = {
    "tasks.aws_problems",
    "tasks.git_command",
    "tasks.github.problems",
    "tasks.process.group",
    "tasks.process.lines",
    "tasks.registry.login",
    "tasks.retry",
    "tasks.run_log",
    "tasks.work_tree",
}
DOMAIN_LIBRARIES = {"pydantic", "pydantic_core", "ruamel", "defusedxml", "cryptography"}
NOT_IN_THE_DOMAIN = {"os", "time", "random", "subprocess", "socket", "secrets", "tempfile", "threading"}
OURS = {"blocks", "tasks", "flows", "deployments"}


def modules() -> list[Path]:
    return [
        path
        for package in sorted(OURS)
        for path in sorted((ROOT / package).rglob("*.py"))
        if "samples" not in path.parts
    ]


def layer(module: str) -> str:
    return "tasks.domain" if module.startswith("tasks.domain") else module.partition(".")[0]


def system(module: str) -> str:
    """tasks.argocd.rollout and tasks.argocd.observation are one system."""
    return ".".join(module.split(".")[:2])


def name_of(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


@pytest.mark.parametrize("path", modules(), ids=name_of)
def test_imports_go_one_way(path: Path) -> None:
    module = name_of(path)
    ours = {name for name in imports(path) if name.partition(".")[0] in OURS}
    allowed = MAY_IMPORT[layer(module)]
    shared = {name for name in ours if name in SHARED_BY_TASKS or system(name) == system(module)}
    wrong = {name for name in ours - shared if layer(name) not in allowed}
    assert not wrong, f"{module} imports {sorted(wrong)}"


@pytest.mark.parametrize("path", sorted((ROOT / "tasks/domain").rglob("*.py")), ids=name_of)
def test_the_domain_knows_nothing_of_the_world(path: Path) -> None:
    top = {name.partition(".")[0] for name in imports(path)}
    foreign = {name for name in top if name not in sys.stdlib_module_names | OURS | DOMAIN_LIBRARIES}
    assert not foreign
    assert not top & NOT_IN_THE_DOMAIN


def test_tasks_are_defined_in_tasks_only() -> None:
    for path in modules():
        decorated = any(
            isinstance(node, ast.FunctionDef) and any("task" in ast.dump(each) for each in node.decorator_list)
            for node in ast.walk(ast.parse(path.read_text()))
        )
        assert not decorated or layer(name_of(path)) == "tasks", path
        assert not decorated or name_of(path) not in SHARED_BY_TASKS, path

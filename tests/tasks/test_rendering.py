"""Rendering a checkout before and after an edit, by whichever tool stands on the PATH, and nothing pushed."""

import os
import subprocess
from pathlib import Path

import pytest

from blocks.gitops import GitOpsRepository
from tasks.domain.argocd.recipe import Recipe
from tasks.rendering import Rendered, render_edit

VALUES = "apps/shop/values.yaml"
CHART = Recipe("charts/service", "shop", "production", (VALUES,), ('{"replicas": 2}',), ("a=1",), ("b=2",))
# Prints what it was told and the value file: enough of a renderer to see what it is given.
TOOL = """#!/bin/sh
echo "kind: Printed"
echo "metadata: {name: tool}"
printf 'told: "%s"\\n' "$*"
cat "$PWD/apps/shop/values.yaml"
"""


@pytest.fixture
def repository(tmp_path: Path) -> GitOpsRepository:
    clone, bare = tmp_path / "clone", tmp_path / "gitops.git"
    files = {
        "charts/service/Chart.yaml": "name: service\n",
        "base/kustomization.yaml": "{}\n",
        "plain/a.yaml": "a: 1\n",
    }
    for name, text in (files | {VALUES: "image: shop:1\n"}).items():
        (clone / name).parent.mkdir(parents=True, exist_ok=True)
        (clone / name).write_text(text)
    identity = ("-c", "user.name=Ada", "-c", "user.email=ada@example.com")
    for command in (
        ("init", "--quiet", "--initial-branch=main"),
        ("add", "."),
        (*identity, "commit", "--quiet", "-m", "Begin"),
        ("clone", "--quiet", "--bare", ".", str(bare)),
    ):
        subprocess.run(["git", *command], cwd=clone, check=True)
    return GitOpsRepository(url=bare.as_uri())


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def installing(name: str, script: str) -> None:
        tool = tmp_path / "bin" / name
        tool.parent.mkdir(exist_ok=True)
        tool.write_text(script)
        tool.chmod(0o755)
        monkeypatch.setenv("PATH", f"{tool.parent}{os.pathsep}{os.environ['PATH']}")

    return installing


def test_a_chart_is_rendered_with_the_file_as_it_is_and_as_it_would_be(repository, install) -> None:
    install("helm", TOOL)
    rendered = render_edit.fn(repository, CHART, VALUES, "image: shop:2\n")
    assert isinstance(rendered, Rendered)
    (before,), (after,) = rendered.before, rendered.after
    assert (rendered.tool, before["image"], after["image"]) == ("helm", "shop:1", "shop:2")
    told = before["told"].split()
    assert told[:3] == ["template", "--namespace=production", "--include-crds"]
    assert [word.partition("=")[0] for word in told[3:]] == [
        "--values",
        "--values",
        "--set",
        "--set-string",
        "--",
        "shop",
        told[-1],
    ]
    assert told[-1].endswith("/charts/service")


def test_a_kustomization_is_built(repository, install) -> None:
    install("kustomize", TOOL)
    rendered = render_edit.fn(repository, Recipe("base", "shop", "production"), VALUES, "image: shop:2\n")
    assert isinstance(rendered, Rendered)
    assert (rendered.tool, rendered.after[0]["image"]) == ("kustomize", "shop:2")


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ("#!/bin/sh\necho Error: no template; exit 1\n", "helm could not render it: Error: no template"),
        ("#!/bin/sh\necho 'a: ['\n", "what helm printed is not YAML"),
    ],
)
def test_a_tool_that_cannot_render_it_is_a_sentence(repository, install, script: str, reason: str) -> None:
    install("helm", script)
    assert render_edit.fn(repository, CHART, VALUES, "image: shop:2\n") == reason


def test_what_cannot_be_rendered_here_is_a_sentence(repository, install) -> None:
    install("kustomize", TOOL)
    assert render_edit.fn(repository, CHART, VALUES, "") == "helm is not on the PATH here"
    plain = render_edit.fn(repository, Recipe("plain", "shop", "production"), VALUES, "")
    assert plain == "its folder is neither a chart nor a kustomization: what is applied is what stands in the files"
    outside = Recipe("charts/service", "shop", "production", ("../../etc/passwd",))
    assert render_edit.fn(repository, outside, VALUES, "") == "its path or a value file leads out of the repository"


def test_without_any_tool_nothing_is_cloned(repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    monkeypatch.setenv("PATH", str(empty))
    assert render_edit.fn(repository, CHART, VALUES, "image: shop:2\n") == (
        "neither helm nor kustomize is on the PATH here"
    )

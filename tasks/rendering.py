"""Renders the GitOps repository with helm or kustomize, where they are on the PATH: as it is, and after an edit.

Nothing is pushed: a checkout in a temporary folder is all that is changed.
"""

import tempfile
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from shutil import which

from ruamel.yaml.error import YAMLError

from blocks.github_app import AppRefused
from blocks.gitops import GitOpsRepository
from tasks.domain.argocd.recipe import Recipe
from tasks.domain.errors import AccessRefused
from tasks.domain.gates.checks import Exited
from tasks.domain.promotion.rendered import Manifest, read_documents
from tasks.git_command import run_git
from tasks.process.group import clean_environment, run_in_group
from tasks.retry import outside_task

_SECONDS = 60
_TOOLS = ("helm", "kustomize")
_KUSTOMIZATIONS = ("kustomization.yaml", "kustomization.yml", "Kustomization")


@dataclass(frozen=True, slots=True)
class Rendered:
    """The manifests with the file as it is and as it would be, and what rendered them."""

    before: tuple[Manifest, ...]
    after: tuple[Manifest, ...]
    tool: str


@outside_task("render {file}")
def render_edit(repository: GitOpsRepository, recipe: Recipe, file: str, edited: str) -> Rendered | str:
    """The manifests before and after the edit of the file, or a sentence about why they cannot be had here.

    Raises AccessRefused, Unreachable and ConfigurationError where the repository cannot be cloned.
    """
    if not any(which(tool) for tool in _TOOLS):
        return f"neither {' nor '.join(_TOOLS)} is on the PATH here"
    with tempfile.TemporaryDirectory(prefix="tidegate-", ignore_cleanup_errors=True) as scratch:
        folder = Path(scratch) / "gitops"
        _clone(repository, folder)
        command = _command(folder, recipe, Path(scratch))
        if isinstance(command, str):
            return command
        before = _run(command, folder, Path(scratch))
        if isinstance(before, str):
            return before
        (folder / file).write_bytes(edited.encode())
        after = _run(command, folder, Path(scratch))
        return after if isinstance(after, str) else Rendered(before, after, command[0])


def _clone(repository: GitOpsRepository, folder: Path) -> None:
    options = ("--quiet", "--depth=1", "--single-branch", f"--branch={repository.branch}", "--end-of-options")
    with ExitStack() as access:
        try:
            environment = access.enter_context(repository.open_git())
        except AppRefused as refusal:
            raise AccessRefused(str(refusal)) from refusal
        run_git("clone", *options, repository.url, str(folder), environment=environment, remote=repository.url)


def _command(folder: Path, recipe: Recipe, scratch: Path) -> tuple[str, ...] | str:
    source = (folder / recipe.path).resolve()
    files = [folder / name for name in recipe.value_files]
    if not all(path.resolve().is_relative_to(folder.resolve()) for path in (source, *files)):
        return "its path or a value file leads out of the repository"
    if (source / "Chart.yaml").is_file():
        for number, text in enumerate(recipe.values):
            files.append(scratch / f"values-{number}.yaml")
            files[-1].write_text(text, encoding="utf-8")
        options = [f"--values={file}" for file in files]
        options += [f"--set={text}" for text in recipe.set_values]
        options += [f"--set-string={text}" for text in recipe.set_texts]
        chart = ("helm", "template", f"--namespace={recipe.namespace}", "--include-crds", *options)
        return _found((*chart, "--", recipe.release, str(source)))
    if any((source / name).is_file() for name in _KUSTOMIZATIONS):
        return _found(("kustomize", "build", "--", str(source)))
    return "its folder is neither a chart nor a kustomization: what is applied is what stands in the files"


def _found(command: tuple[str, ...]) -> tuple[str, ...] | str:
    return command if which(command[0]) else f"{command[0]} is not on the PATH here"


def _run(command: tuple[str, ...], folder: Path, scratch: Path) -> tuple[Manifest, ...] | str:
    printed: list[str] = []
    environment = clean_environment(str(scratch))
    ended = run_in_group(
        command, folder=folder, environment=environment, timeout_seconds=_SECONDS, on_line=printed.append
    )
    if ended != Exited(0):
        return f"{command[0]} could not render it: {' '.join(printed[-3:]) or ended}"
    try:
        return read_documents("\n".join(printed))
    except YAMLError:
        return f"what {command[0]} printed is not YAML"

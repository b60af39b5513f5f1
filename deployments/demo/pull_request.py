"""The scenario of a pull request: what GitHub shows of it while Tidegate is a GitHub App there."""

from collections.abc import Callable, Iterator
from typing import Any

from pydantic import SecretStr

from blocks.github import WORK, GitHub
from deployments.sandbox.changes import good_change, unsafe_change
from deployments.sandbox.github.own_app import install_own_app
from deployments.sandbox.world import REPOSITORY, World

_BRANCH = "print-names"
_SHOWN_ANNOTATIONS = 5


def become_an_app(world: World) -> str:
    """Install an App in the application's repository, and have Tidegate be it from now on."""
    own = install_own_app(world.github, "tidegate-app", [REPOSITORY], WORK)
    web = world.addresses.github
    key = SecretStr(own.private_key)
    app = GitHub(api_url=f"{web}/api/v3", web_url=web, app_id=own.app.client_id, private_key=key)
    app.save("github", overwrite=True)
    return f"Tidegate is now a GitHub App in {REPOSITORY}, and has no token of its own there"


def propose(world: World, follow: Callable[[str], None], say: Callable[[str], None]) -> str:
    """Dana asks for a merge, reads what was found, and pushes another commit, which is the one that is returned."""
    commit = world.push("Print product names", unsafe_change(1), branch=_BRANCH)
    pull = world.github.open_pull_request(
        REPOSITORY, head=_BRANCH, base="main", title="Print product names", author="dana"
    )
    world.github.wait_for_deliveries()
    say(f"Pull request #{pull.number} asks to merge {commit[:7]}; the receiver answered {world.last_delivery().status}")
    follow(commit)
    for line in look(world, commit):
        say(line)
    say("Dana leaves the printing to somebody else, and pushes that")
    return world.push("Only offer the product", good_change(1), branch=_BRANCH)


def look(world: World, commit: str) -> Iterator[str]:
    """The checks, annotations and comment as GitHub shows them."""
    repository = world.github.repositories[REPOSITORY]
    newest = {run.name: run for run in repository.check_runs if run.head_sha == commit}
    yield f"GitHub shows of {commit[:7]}:"
    for run in newest.values():
        yield f"  {run.conclusion or run.status:<10} {run.name}: {run.title}"
        annotations = run.annotations
        yield from (f"             {_annotation(one)}" for one in annotations[:_SHOWN_ANNOTATIONS])
    ours = [comment for comment in repository.comments if comment.author.is_app]
    yield f"and below the pull request {len(ours)} comment of {ours[0].author.login}:" if ours else "and no comment"
    yield from (f"  | {line}" for comment in ours for line in comment.body.splitlines())


def _annotation(one: dict[str, Any]) -> str:
    return f"{one['path']}:{one['start_line']} {one['annotation_level']}: {one['title']}: {one['message']}"

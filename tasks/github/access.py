"""Whether GitHub lets us do what we will have to, asked before anything depends on it."""

from collections.abc import Iterable, Iterator

import httpx

from blocks.github import WORK, GitHub
from blocks.github_app import GitHubApp
from tasks.domain.errors import AccessRefused
from tasks.github.api import send
from tasks.github.problems import github_problems


def missing_access(github: GitHub, repositories: Iterable[str]) -> tuple[str, ...]:
    """A sentence for everything that is missing in these repositories; none where all is well.

    Raises AccessRefused where the credentials themselves are wrong, and httpx errors where GitHub does not answer.
    """
    names = tuple(dict.fromkeys(repositories))
    if app := github.app:
        with github_problems():
            slug = app.describe()["slug"]
            return tuple(sentence for name in names for sentence in _missing_rights(app, slug, name))
    return tuple(sentence for name in names for sentence in _missing_for_token(github, name))


def _missing_rights(app: GitHubApp, slug: str, repository: str) -> Iterator[str]:
    installation = app.installation(repository)
    given = installation["permissions"]
    for right, level in WORK.items():
        if given.get(right) not in {level, "write", "admin"}:
            wanted = f"'{right.replace('_', ' ')}: {level}'"
            yield f"GitHub App {slug} lacks the permission {wanted} on {repository}; give it, and accept it there"


def _missing_for_token(github: GitHub, repository: str) -> Iterator[str]:
    with github.get_client(repository) as client:
        try:
            request = client.build_request("GET", f"/repos/{repository}")
            seen = send(client, request, right="metadata: read").json()
        except AccessRefused as refusal:
            yield str(refusal)
            return
    # What a fine-grained token may do beyond this, GitHub does not tell.
    if not seen.get("permissions", {}).get("push", True):
        yield f"GitHub's token may only read {repository}; give its owner the right to write commit statuses there"


def gives_no_answer(error: httpx.HTTPError) -> str:
    """What is left to say where GitHub could not be asked."""
    return f"GitHub could not be asked what the credentials may do ({type(error).__name__})"

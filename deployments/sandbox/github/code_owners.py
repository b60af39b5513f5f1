"""Who owns the files that a pull request changes, and is asked for a review when it is opened.

https://docs.github.com/repositories/managing-your-repositorys-settings-and-features/customizing-your-repository/about-code-owners
"""

from collections.abc import Mapping

from deployments.sandbox.github.git_command import GitRefused, run_git
from deployments.sandbox.github.history import changed_files
from deployments.sandbox.github.records import Permission, PullRequest, Repository, User
from tasks.domain.promotion.code_owners import PLACES, CodeOwners, owners_of


def owners_of_change(repository: Repository, pull: PullRequest) -> list[CodeOwners]:
    """Of each file that it changes, by the file CODEOWNERS on its base."""
    text = _code_owners(repository, pull.base) if repository.has_code_owners else ""
    start = repository.git.merge_base(pull.base_sha, pull.head_sha)
    files = changed_files(repository.git.path, start, pull.head_sha) if text else []
    return [owners_of(file.path, text) for file in files]


def ask_code_owners(repository: Repository, pull: PullRequest, users: Mapping[str, User]) -> None:
    """Request their reviews; nobody is asked about a draft, nor who opened it or may not write here."""
    if pull.draft:
        return
    for owners in owners_of_change(repository, pull):
        for login in owners.logins:
            may = repository.permission_of(users.get(login)) >= Permission.WRITE
            if may and login not in (pull.author.login, *pull.asked):
                pull.asked.append(login)
        pull.asked_teams += [team for team in owners.teams if team not in pull.asked_teams]


def _code_owners(repository: Repository, branch: str) -> str:
    for place in PLACES:
        try:
            return run_git(repository.git.path, "show", f"refs/heads/{branch}:{place}").decode()
        except GitRefused:
            continue
    return ""

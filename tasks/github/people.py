"""Who GitHub knows: who is in a team, and who pushed or merged commits. Its other half is blocks.github."""

import re
from collections.abc import Collection
from itertools import islice
from urllib.parse import quote

import httpx

from blocks.github import GitHub
from tasks.domain.promotion.change_set import NewCommit
from tasks.github.api import pages, send
from tasks.github.commits import new_commit
from tasks.github.problems import github_problems
from tasks.retry import outside_task

# https://docs.github.com/enterprise-cloud@latest/admin/managing-iam: managed users' logins end in _ and a short code.
_LOGIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,99}(\[bot\])?")
_MOST_PAGES = 10
_MEMBERS = {"members": "read"}


@outside_task("is {login} in {team}")
def is_in_team(github: GitHub, repository: str, team: str, login: str) -> bool:
    """Whether the account is an active member of ORGANISATION/TEAM, or of a team below it.

    `repository` is one where our App is installed. Someone who has not accepted the invitation yet is not, nor is
    anyone in a team that the token may not see. Raises AccessRefused where the token may not ask.
    https://docs.github.com/rest/teams/members#get-team-membership-for-a-user
    """
    if not _LOGIN.fullmatch(login):
        return False
    organisation, _, slug = team.partition("/")
    path = f"/orgs/{quote(organisation, safe='')}/teams/{quote(slug, safe='')}/memberships/{quote(login, safe='')}"
    with github_problems(), github.get_client(repository, _MEMBERS) as client:
        response = client.send(client.build_request("GET", path))
        if response.status_code == httpx.codes.NOT_FOUND:
            return False
        if not response.is_success:
            response = send(client, client.build_request("GET", path), right="organization members: read")
        return bool(response.json()["state"] == "active")


@outside_task("who pushed to {repository} {branch}")
def find_pushers(github: GitHub, repository: str, branch: str, base: str | None, commits: Collection[str]) -> set[str]:
    """The logins of all who pushed or merged one of these commits to the branch since it stood at `base`.

    Raises AccessRefused. Looks back a thousand pushes at most.
    https://docs.github.com/rest/repos/repos#list-repository-activities
    """
    found: set[str] = set()
    with github.get_client(repository) as client:
        parameters = {"ref": f"refs/heads/{branch}", "per_page": "100"}
        request = client.build_request("GET", f"/repos/{repository}/activity", params=parameters)
        for page in islice(pages(client, request, right="contents: read"), _MOST_PAGES):
            activities = page.json()
            # The actor is null where the account was deleted.
            found |= {a["actor"]["login"] for a in activities if a["after"] in commits and a["actor"]}
            if any(a["before"] == base for a in activities):
                break
    return found


@outside_task("newest commits of {repository} at {commit}")
def read_newest(github: GitHub, repository: str, commit: str) -> tuple[NewCommit, ...]:
    """The commit and up to 99 before it, oldest first; raises AccessRefused.

    https://docs.github.com/rest/commits/commits#list-commits
    """
    with github.get_client(repository) as client:
        parameters = {"sha": commit, "per_page": "100"}
        request = client.build_request("GET", f"/repos/{repository}/commits", params=parameters)
        listed = send(client, request, right="contents: read").json()
    return tuple(new_commit(one) for one in reversed(listed))

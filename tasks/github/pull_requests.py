"""Pull requests of an application's repository, and who may say what about them.

https://docs.github.com/rest/pulls/pulls
"""

import re
from urllib.parse import quote

from blocks.github import GitHub
from tasks.domain.feedback.pull_request import PullRequestFacts
from tasks.github.api import NotShown, send
from tasks.retry import outside_task

_LOGIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,99}(\[bot\])?")
_WRITERS = frozenset({"write", "maintain", "admin"})


@outside_task("read {repository}#{number}")
def read_pull_request(github: GitHub, repository: str, number: int) -> PullRequestFacts:
    """The pull request as it is now; raises AccessRefused, also where there is none of this number."""
    with github.get_client(repository) as client:
        request = client.build_request("GET", f"/repos/{repository}/pulls/{number}")
        found = send(client, request, right="pull requests: read").json()
    head_repository = (found["head"]["repo"] or {}).get("full_name", "")
    return PullRequestFacts(
        number=number,
        head=found["head"]["sha"],
        base_branch=found["base"]["ref"],
        author=(found["user"] or {}).get("login", ""),
        is_open=found["state"] == "open",
        is_draft=bool(found.get("draft")),
        is_fork=head_repository.casefold() != repository.casefold(),
        head_branch=found["head"]["ref"],
    )


@outside_task("may {login} write to {repository}")
def may_write(github: GitHub, repository: str, login: str) -> bool:
    """Whether GitHub lets this account write to the repository; someone it does not know may not.

    Raises AccessRefused where the token may not ask.
    https://docs.github.com/rest/collaborators/collaborators#get-repository-permissions-for-a-user
    """
    if not _LOGIN.fullmatch(login):
        return False
    with github.get_client(repository) as client:
        path = f"/repos/{repository}/collaborators/{quote(login, safe='')}/permission"
        try:
            answer = send(client, client.build_request("GET", path), right="metadata: read").json()
        except NotShown:
            return False
    # The role tells maintainers from writers; the permission is what there was before roles.
    return answer.get("permission") in _WRITERS or answer.get("role_name") in _WRITERS

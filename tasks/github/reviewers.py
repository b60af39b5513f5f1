"""Who is asked to review a pull request. GitHub asks the code owners by itself, but not with every plan.

https://docs.github.com/rest/pulls/review-requests
"""

from blocks.github import GitHub
from tasks.domain.errors import DeliveryError
from tasks.domain.promotion.code_owners import CodeOwners
from tasks.github.api import send
from tasks.github.problems import github_problems
from tasks.retry import outside_task

_WRITE = "pull requests: write"


@outside_task("ask for reviews of pull request {number}")
def request_reviews(github: GitHub, repository: str, number: int, owners: CodeOwners) -> str:
    """Ask these, where nobody is asked and nobody has reviewed it yet; why GitHub does not take them, or nothing.

    Raises AccessRefused where it does not show us the pull request.
    """
    with github.get_client(repository) as client, github_problems():
        path = f"/repos/{repository}/pulls/{number}"
        pull = send(client, client.build_request("GET", path), right=_WRITE).json()
        reviews = send(client, client.build_request("GET", f"{path}/reviews"), right=_WRITE).json()
        author = str((pull["user"] or {}).get("login", "")).casefold()
        # Nobody reviews their own, and a request that names them is refused as a whole.
        people = [login for login in owners.logins if login.casefold() != author]
        teams = [team.partition("/")[2] for team in owners.teams]
        if pull["requested_reviewers"] or pull["requested_teams"] or reviews or not (people or teams):
            return ""
        content = {"reviewers": people, "team_reviewers": teams}
        try:
            send(client, client.build_request("POST", f"{path}/requested_reviewers", json=content), right=_WRITE)
        except DeliveryError as refusal:
            # Nobody may be asked, or not all of them: then people have to find it by themselves.
            return str(refusal)
    return ""

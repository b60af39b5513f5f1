"""What a protected branch still wants of a pull request, in GitHub's words.

https://docs.github.com/repositories/configuring-branches-and-merges-in-your-repository/managing-protected-branches
"""

from collections.abc import Iterator

from deployments.sandbox.github.code_owners import owners_of_change
from deployments.sandbox.github.records import Permission, PullRequest, Repository, Review

_GOOD_CHECKS = ("success", "neutral", "skipped")


def missing(repository: Repository, pull: PullRequest) -> list[str]:
    """Each rule that it does not keep; none: it may be merged."""
    return list(_missing(repository, pull))


def is_behind(repository: Repository, pull: PullRequest) -> bool:
    """Whether its branch has to be brought up to date first."""
    return repository.protection.is_strict and not repository.git.is_ancestor(pull.base_sha, pull.head_sha)


def newest_reviews(pull: PullRequest) -> list[Review]:
    """The last word of each reviewer; a mere comment takes nothing back."""
    decided = [review for review in pull.reviews if review.state != "COMMENTED"]
    return list({review.author.login: review for review in decided}.values())


def _missing(repository: Repository, pull: PullRequest) -> Iterator[str]:
    rules = repository.protection
    counted = [review for review in newest_reviews(pull) if repository.permission_of(review.author) >= Permission.WRITE]
    if any(review.state == "CHANGES_REQUESTED" for review in counted):
        yield "Changes were requested by a reviewer with write access."
    if sum(review.state == "APPROVED" for review in counted) < rules.reviews:
        noun = "review is" if rules.reviews == 1 else "reviews are"
        yield f"At least {rules.reviews} approving {noun} required by reviewers with write access."
    if rules.code_owners and (silent := _silent_owners(repository, pull, counted)):
        yield f"Waiting on code owner review from {' and/or '.join(silent)}."
    for name in rules.checks:
        state = _state_of(repository, pull.head_sha, name)
        if state == "expected":
            yield f'Required status check "{name}" is expected.'
        elif state not in _GOOD_CHECKS:
            yield f'Required status check "{name}" is {"failing" if state == "failure" else "pending"}.'


def _silent_owners(repository: Repository, pull: PullRequest, counted: list[Review]) -> tuple[str, ...]:
    """Of the first file that no owner has approved, all of them."""
    approved = {review.author.login for review in counted if review.state == "APPROVED"}
    for owners in owners_of_change(repository, pull):
        members = {
            login
            for team in owners.teams
            for login, state in repository.teams.get(team, {}).items()
            if state == "active"
        }
        named = (*owners.logins, *owners.teams)
        if named and not approved & {*owners.logins, *members}:
            return named
    return ()


def _state_of(repository: Repository, sha: str, name: str) -> str:
    statuses = [one.state for one in repository.statuses if (one.sha, one.context) == (sha, name)]
    runs = [one.conclusion or "pending" for one in repository.check_runs if (one.head_sha, one.name) == (sha, name)]
    return (statuses or runs or ["expected"])[-1]

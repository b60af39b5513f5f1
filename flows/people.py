"""Finds out who is who at an approval: whose work it is about, and who has answered."""

from flows.place import Place
from tasks.domain.candidate import ReleaseCandidate
from tasks.domain.delivery.approval import ApprovalPolicy
from tasks.domain.promotion.change_set import ChangeSet
from tasks.github_people import find_pushers, is_in_team, read_newest


def involved_in(place: Place, candidate: ReleaseCandidate, changes: ChangeSet) -> frozenset[str]:
    """All names, logins and mail addresses of those who wrote, merged or pushed what is new.

    Where nothing is known about what runs, that is the work of the newest hundred commits.
    """
    repository, branch = place.app.repository, place.app.branch
    if changes.base is None:
        newest = read_newest(place.github, repository, candidate.commit)
        changes = ChangeSet(None, candidate.commit, changes.position, newest, len(newest))
    shas = {commit.sha for commit in changes.commits}
    if not shas:
        return frozenset()
    return changes.authors | find_pushers(place.github, repository, branch, changes.base, shas)


def teams_of(place: Place, policy: ApprovalPolicy, login: str) -> frozenset[str]:
    """Those of the policy's teams that the account is in."""
    repository = place.app.repository
    return frozenset(team for team in sorted(policy.teams) if is_in_team(place.github, repository, team, login))

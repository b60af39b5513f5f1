"""Finds out who is who at an approval: whose work it is about, and who has answered."""

from dataclasses import replace

from blocks.approvers import ApprovalSeal
from flows.places.loading import load_block
from flows.places.place import Place
from tasks.approval.ask import Reply
from tasks.approval.codes import check_code
from tasks.approval.people import find_approver
from tasks.domain.approval.decision import Answer
from tasks.domain.approval.person import Person
from tasks.domain.approval.seal import Sealed, is_right, is_sealed
from tasks.domain.candidate import ReleaseCandidate
from tasks.domain.delivery.approval import ApprovalPolicy, Identity
from tasks.domain.promotion.change_set import ChangeSet
from tasks.github.people import find_pushers, is_in_team, read_newest

# The block's name: one for the whole installation.
SEAL = "approvals"


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


def judge_reply(place: Place, policy: ApprovalPolicy, reply: Reply, question: str) -> Answer:
    """The reply with what proves who it is from; a proof that is worth nothing is its flaw."""
    name = reply.approver.strip()
    person, login, flaw = Person(name), name, ""
    code = reply.code.get_secret_value().strip()
    # To stop is always safe, so a rejection needs no proof; but one that is there is looked at.
    if is_sealed(code):
        person, login, flaw = _unseal(reply, question)
    elif Identity.ONE_TIME_CODE in policy.identity and (code or reply.decision == "approve"):
        check = check_code(name, reply.code, question, reply.answered_at)
        flaw = check.flaw
        if check.approver and not flaw:
            person = Person(check.approver.name, Identity.ONE_TIME_CODE, check.approver.aliases)
            login = check.approver.github_login or name
    if reply.decision == "approve" and not flaw:
        person = replace(person, login=login, teams=teams_of(place, policy, login))
    return Answer(reply.decision, person, reply.comment.strip(), reply.answered_at, flaw)


def teams_of(place: Place, policy: ApprovalPolicy, login: str) -> frozenset[str]:
    """Those of the policy's teams that the account is in."""
    repository = place.app.repository
    return frozenset(team for team in sorted(policy.teams) if is_in_team(place.github, repository, team, login))


def person_on_github(place: Place, policy: ApprovalPolicy, login: str) -> Person:
    """Who has this account; that they acted under it is GitHub's word."""
    person, account = _with_aliases(Person(login, Identity.GITHUB))
    return replace(person, teams=teams_of(place, policy, account))


def _unseal(reply: Reply, question: str) -> tuple[Person, str, str]:
    """The person, their login, and the flaw."""
    secret = load_block(ApprovalSeal, SEAL).secret.get_secret_value()
    for proof in (Identity.GITHUB, Identity.PROXY):
        answer = Sealed(question, reply.decision, reply.approver, proof, reply.comment)
        if is_right(reply.code.get_secret_value().strip(), answer, secret):
            return *_with_aliases(Person(reply.approver, proof)), ""
    return Person(reply.approver), "", "the proof was not made by Tidegate for this answer to this question"


def _with_aliases(person: Person) -> tuple[Person, str]:
    """Whoever is enrolled under that account has further names, which nobody may hide behind; and the login."""
    known = find_approver(person.name)
    # An account at GitHub is somebody's by its login only: anyone may call themselves as somebody is called.
    if known is None or (person.proof is Identity.GITHUB and not {known.github_login.casefold()} & person.keys):
        return person, person.name
    return replace(person, aliases=frozenset({known.name, *known.aliases})), known.github_login or person.name

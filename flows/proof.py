"""Keeps signed statements about an image in its registry, reads them back, and verifies them before a promotion."""

from blocks.registry import ContainerRegistry
from blocks.signing import SigningKey
from flows.places.place import Place
from tasks.domain.candidate import ReleaseCandidate
from tasks.domain.proof.bundle import verified_statements
from tasks.domain.proof.gate_results import required_gates
from tasks.domain.proof.judgement import REQUIRED, judge_proof
from tasks.domain.proof.provenance import Origin
from tasks.domain.proof.statement import Statement
from tasks.domain.verdict import Verdict
from tasks.registry.referrers import attach, read_attached
from tasks.signing import read_trusted_keys, seal


def keep_statement(registry: ContainerRegistry, repository_path: str, key: SigningKey, statement: Statement) -> None:
    """Sign the statement and attach it to its image; one that says the same is left as it is."""
    known = read_statements(registry, repository_path, key, statement.digest, statement.predicate_type)
    if any(each.content() == statement.content() for each in known):
        return
    public = read_trusted_keys(key)[0]
    kind = statement.predicate_type
    attach(registry, repository_path, statement.digest, seal(key, statement), public, predicate_type=kind)


def read_statements(
    registry: ContainerRegistry, repository_path: str, key: SigningKey, digest: str, *predicate_types: str
) -> tuple[Statement, ...]:
    """The statements of these types about this digest, signed by the key itself or by one that its block trusts."""
    attached = read_attached(registry, repository_path, digest, *predicate_types)
    statements = verified_statements(attached, digest, read_trusted_keys(key))
    # Under which type it was listed is anybody's word.
    return tuple(each for each in statements if not predicate_types or each.predicate_type in predicate_types)


def verify_proof(place: Place, candidate: ReleaseCandidate) -> Verdict | None:
    """What the signed statements say; None where the application's images are not signed."""
    if place.signing is None or place.app.proof is None:
        return None
    attached = read_attached(place.registry, place.app.image, candidate.digest, *REQUIRED)
    repository = f"{place.github.web_url}/{place.app.repository}"
    origin = Origin(repository, candidate.commit, place.app.proof.builder)
    keys = read_trusted_keys(place.signing)
    return judge_proof(attached, candidate.digest, keys, origin, required_gates(place.app))


def say_proof(place: Place, candidate: ReleaseCandidate) -> str:
    """What an approver should know: who has signed the image, or that nobody has."""
    proof = verify_proof(place, candidate)
    return proof.reason if proof else "not signed: the application's configuration names no signing key"

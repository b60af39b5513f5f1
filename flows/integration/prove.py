"""Signs an image and what is known about it when it was built; flows.proof verifies that before a promotion."""

from collections.abc import Mapping
from typing import Any

from prefect.runtime import flow_run

from flows.places.workshop import Workshop
from flows.proof import read_statements
from tasks.domain.candidate import Proven, ReleaseCandidate
from tasks.domain.proof.gate_results import gate_results, problem_with_gates, required_gates
from tasks.domain.proof.kinds import CYCLONEDX, GATES, PROVENANCE, SIGNATURE, SPDX
from tasks.domain.proof.provenance import BuildRecord, Origin, problem_with_provenance, provenance
from tasks.domain.proof.sbom import packages_of
from tasks.domain.proof.statement import Statement
from tasks.registry.referrers import attach
from tasks.runs.promotions import run_url
from tasks.sbom import write_sbom
from tasks.signing import read_trusted_keys, seal

Predicates = Mapping[str, Mapping[str, Any]]


def origin_of(workshop: Workshop, commit: str) -> Origin | None:
    """Where an image of this commit must come from; None where the application's images are not signed."""
    if workshop.signing is None or workshop.app.proof is None:
        return None
    return Origin(f"{workshop.github.web_url}/{workshop.app.repository}", commit, workshop.app.proof.builder)


def is_built_here(workshop: Workshop, digest: str, origin: Origin) -> bool:
    """Whether a trusted key has signed that this builder made the image from this commit."""
    known = _read(workshop, digest, PROVENANCE)
    return any(problem_with_provenance(each.predicate, origin) is None for each in known)


def prove_origin(workshop: Workshop, candidate: ReleaseCandidate, record: BuildRecord | None) -> None:
    """Attach what is missing of provenance and SBOM, which are true of the image whatever is thought of it.

    `record` is of the build that made the image, None where its provenance is known to be there.
    """
    kinds = {each.predicate_type for each in _read(workshop, candidate.digest, CYCLONEDX, SPDX)}
    missing: dict[str, Mapping[str, Any]] = {PROVENANCE: provenance(record)} if record is not None else {}
    if workshop.app.proof and workshop.app.proof.sbom and not {CYCLONEDX, SPDX} <= kinds:
        sbom = write_sbom(workshop.registry, workshop.app.image, candidate.digest)
        missing |= {CYCLONEDX: sbom.cyclonedx, SPDX: sbom.spdx}
    _attach_all(workshop, candidate, missing)


def prove_gates(workshop: Workshop, candidate: ReleaseCandidate, origin: Origin) -> Proven:
    """Attach what is missing of the gate results, which have to have passed, and the signature.

    The signature comes last: an image that has it has everything.
    """
    known = _read(workshop, candidate.digest, GATES, SIGNATURE, CYCLONEDX)
    results = [each.predicate for each in known if each.predicate_type == GATES]
    missing: dict[str, Mapping[str, Any]] = {}
    required = required_gates(workshop.app)
    if all(problem_with_gates(each, candidate.commit, required) for each in results):
        missing[GATES] = gate_results(candidate.commit, candidate.gates, run_url(str(flow_run.id)))
    if not any(each.predicate_type == SIGNATURE for each in known):
        missing[SIGNATURE] = {}
    key = _attach_all(workshop, candidate, missing)
    listed = [each.predicate for each in known if each.predicate_type == CYCLONEDX]
    return Proven(key, origin.builder, len(packages_of(listed[-1])) if listed else None)


def _attach_all(workshop: Workshop, candidate: ReleaseCandidate, predicates: Predicates) -> str:
    """Sign and attach in this order; the short name of the key that signs."""
    if workshop.signing is None:
        raise AssertionError("only called with a key")
    key = read_trusted_keys(workshop.signing)[0]
    for kind, predicate in predicates.items():
        statement = Statement(candidate.image.repository, candidate.digest, kind, predicate)
        envelope = seal(workshop.signing, statement)
        attach(workshop.registry, workshop.app.image, candidate.digest, envelope, key, predicate_type=kind)
    return key.short_name


def _read(workshop: Workshop, digest: str, *kinds: str) -> tuple[Statement, ...]:
    if workshop.signing is None:
        return ()
    return read_statements(workshop.registry, workshop.app.image, workshop.signing, digest, *kinds)

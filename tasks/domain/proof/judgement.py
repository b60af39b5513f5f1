"""Whether what is attached to an image proves it: a trusted key has signed where it is from, and that gates passed."""

from collections.abc import Callable, Mapping
from typing import Any

from tasks.domain.proof.bundle import Attached, verified_statements
from tasks.domain.proof.gate_results import problem_with_gates
from tasks.domain.proof.keys import PublicKey
from tasks.domain.proof.kinds import GATES, PROVENANCE, SIGNATURE
from tasks.domain.proof.provenance import Origin, problem_with_provenance
from tasks.domain.proof.statement import Statement
from tasks.domain.verdict import Verdict, failed, passed
from tasks.domain.wording import counted

REQUIRED = (SIGNATURE, PROVENANCE, GATES)


def judge_proof(
    attached: tuple[Attached, ...],
    digest: str,
    trusted: tuple[PublicKey, ...],
    origin: Origin,
    required: frozenset[str] = frozenset(),
) -> Verdict:
    """Judge everything that is attached to the image with this digest; what is missing or wrong is a no.

    `required` are gates that must be among the results.
    """
    statements = verified_statements(attached, digest, trusted)
    keys = " or ".join(key.short_name for key in trusted)
    how = f"integrate {origin.commit[:7]} again, which builds and signs it"
    if not attached:
        return failed(f"nothing that proves the image is attached to it; {how}")
    if not statements:
        said = counted(len(attached), "attestation")
        return failed(f"none of the image's {said} is signed, unchanged, by a trusted key ({keys}); {how}")
    checks = (
        (SIGNATURE, "the image", _no_problem, "is not signed"),
        (PROVENANCE, "the provenance", lambda one: problem_with_provenance(one, origin), "is missing"),
        (GATES, "the gate results", lambda one: problem_with_gates(one, origin.commit, required), "are missing"),
    )
    for kind, what, problem_with, missing in checks:
        if (problem := _problem(statements, kind, problem_with, missing)) is not None:
            return failed(f"{what} {problem} (of what key {keys} has signed); {how}")
    return passed(f"signed by key {trusted[0].short_name}: built here from {origin.commit[:7]}, its gates passed")


def _problem(
    statements: tuple[Statement, ...], kind: str, problem_with: Callable[[Mapping[str, Any]], str | None], missing: str
) -> str | None:
    """The problem with the last of the statements of this kind; None where one of them has none."""
    problems = [problem_with(statement.predicate) for statement in statements if statement.predicate_type == kind]
    return None if None in problems else problems[-1] if problems else missing


def _no_problem(_predicate: Mapping[str, Any]) -> None:
    return None

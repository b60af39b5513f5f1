"""What makes an image a release candidate: it was built from this commit, every gate passed, and it proves both."""

from collections.abc import Mapping

from tasks.domain.gates.gate import AGGREGATE
from tasks.domain.verdict import Verdict, failed, passed, pending


def judge_evidence(
    commit: str, image_revision: str | None, statuses: Mapping[str, Verdict], name: str = AGGREGATE
) -> Verdict:
    """Judge from the image's label and the commit's statuses on GitHub; a missing fact is a no.

    `name` is what the application's gates together are called there.
    """
    if image_revision != commit:
        return failed(f"the image was built from {image_revision or 'an unknown commit'}, not from {commit}")
    aggregate = statuses.get(name)
    if aggregate is None:
        return pending(f"commit {commit[:7]} has no status '{name}' on GitHub; integrate it first")
    if not aggregate.has_passed:
        return aggregate
    return passed(aggregate.reason)


def with_proof(evidence: Verdict, proof: Verdict | None) -> Verdict:
    """The evidence, which holds only with the proof; `proof` is None where the application's images are not signed."""
    if proof is None or not evidence.has_passed:
        return evidence
    return passed(f"{evidence.reason.removesuffix('.')}, {proof.reason}") if proof.has_passed else proof

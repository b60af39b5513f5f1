"""Before a promotion, what a trusted key has signed must name this repository, commit and builder, and passed gates."""

import copy
import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from tasks.domain.delivery.application import Application
from tasks.domain.gates.baseline import Baseline
from tasks.domain.gates.finding import Finding, Severity
from tasks.domain.gates.gate import GateResult
from tasks.domain.gates.measure import CoveredLines
from tasks.domain.image import ImageReference
from tasks.domain.promotion.evidence import with_proof
from tasks.domain.proof.bundle import Attached
from tasks.domain.proof.envelope import sealed
from tasks.domain.proof.gate_results import baseline_from, gate_results, required_gates
from tasks.domain.proof.judgement import judge_proof
from tasks.domain.proof.keys import new_private_key, public_half, sign_with
from tasks.domain.proof.kinds import GATES, PROVENANCE, SIGNATURE
from tasks.domain.proof.provenance import BuildRecord, Origin, provenance
from tasks.domain.proof.statement import Statement
from tasks.domain.verdict import Verdict, failed, passed

DIGEST, COMMIT = f"sha256:{'a' * 64}", "c" * 40
PRIVATE, STRANGE = new_private_key(), new_private_key()
KEY = public_half(PRIVATE, None)
ORIGIN = Origin("https://github.com/acme/shop-api", COMMIT, "urn:tidegate:builder")
NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)
BASE = ImageReference("docker.io/library/python", "3.12-slim", f"sha256:{'b' * 64}")
RECORD = BuildRecord(ORIGIN, "main", NOON, NOON, "https://prefect/run/1", (BASE,), {"target": "app"})
PASSED = (GateResult("lint", passed("clean")), GateResult("tests", passed("12 passed")))
PREDICATES: dict[str, dict[str, Any]] = {
    SIGNATURE: {},
    PROVENANCE: provenance(RECORD),
    GATES: gate_results(COMMIT, PASSED, "https://prefect/run/1"),
}


def attached(
    predicates: dict[str, dict[str, Any]], private: str = PRIVATE, digest: str = DIGEST
) -> tuple[Attached, ...]:
    statements = [Statement("shop-api", digest, kind, said) for kind, said in predicates.items()]
    return tuple(Attached("m", sealed(each, lambda m: sign_with(private, None, m))) for each in statements)


def judge(things: tuple[Attached, ...], origin: Origin = ORIGIN) -> Verdict:
    return judge_proof(things, DIGEST, (KEY,), origin)


def test_what_is_whole_and_signed_by_a_trusted_key_passes() -> None:
    verdict = judge(attached(PREDICATES))
    assert verdict == passed(f"signed by key {KEY.short_name}: built here from ccccccc, its gates passed")
    assert with_proof(passed("All 2 gates passed."), verdict).reason.startswith("All 2 gates passed, signed by key")


def test_an_image_without_anything_attached_is_refused() -> None:
    assert judge(()).reason.startswith("nothing that proves the image is attached to it; integrate ccccccc again")


@pytest.mark.parametrize(("private", "digest"), [(STRANGE, DIGEST), (PRIVATE, f"sha256:{'d' * 64}")])
def test_what_another_key_signed_or_what_is_about_another_image_is_refused(private: str, digest: str) -> None:
    verdict = judge(attached(PREDICATES, private, digest))
    assert verdict.has_failed
    assert "none of the image's 3 attestations is signed, unchanged, by a trusted key" in verdict.reason


@pytest.mark.parametrize(
    ("kind", "said"),
    [(SIGNATURE, "the image is not signed"), (PROVENANCE, "the provenance is missing"), (GATES, "are missing")],
)
def test_each_of_the_three_is_needed(kind: str, said: str) -> None:
    verdict = judge(attached({name: each for name, each in PREDICATES.items() if name != kind}))
    assert verdict.has_failed
    assert said in verdict.reason


def test_what_a_trusted_key_says_does_not_come_from_another_key() -> None:
    ours = {name: each for name, each in PREDICATES.items() if name != GATES}
    verdict = judge(attached(ours) + attached({GATES: PREDICATES[GATES]}, STRANGE))
    assert "the gate results are missing" in verdict.reason


def put(*path: str, value: Any) -> Callable[[dict[str, Any]], None]:
    def changing(predicate: dict[str, Any]) -> None:
        for name in path[:-1]:
            predicate = predicate[name]
        predicate[path[-1]] = value

    return changing


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (put("runDetails", "builder", "id", value="https://other"), "names the builder https://other"),
        (put("runDetails", value=None), "names the builder nobody"),
        (put("buildDefinition", "buildType", value="urn:other"), "is of a build of another type: urn:other"),
        (put("buildDefinition", "externalParameters", "repository", value="https://x/y"), "names the repository https"),
        (put("buildDefinition", "externalParameters", "commit", value="d" * 40), "names the commit dddd"),
        (put("buildDefinition", "externalParameters", "extra", value=1), "has an external parameter that no build"),
        (put("buildDefinition", "resolvedDependencies", value=[]), "names the commit cccc"),
        (put("buildDefinition", "resolvedDependencies", value="x"), "names the commit cccc"),
    ],
)
def test_the_provenance_must_name_this_repository_this_commit_and_this_builder(
    change: Callable[[dict[str, Any]], None], said: str
) -> None:
    predicates = copy.deepcopy(PREDICATES)
    change(predicates[PROVENANCE])
    verdict = judge(attached(predicates))
    assert verdict.has_failed
    assert f"the provenance {said}" in verdict.reason


def test_a_right_provenance_beside_a_wrong_one_is_enough() -> None:
    other = Origin("https://github.com/acme/other", COMMIT, ORIGIN.builder)
    wrong = attached({PROVENANCE: provenance(BuildRecord(other, "main", NOON, NOON, "run"))})
    assert judge(wrong + attached(PREDICATES) + wrong).has_passed


@pytest.mark.parametrize(
    ("predicate", "said"),
    [
        (
            gate_results(COMMIT, (*PASSED, GateResult("sast", failed("2 new findings"))), ""),
            "1 of 3 gates failed: sast.",
        ),
        (gate_results("d" * 40, PASSED, ""), "are those of commit dddd"),
        (gate_results(COMMIT, (), ""), "name no gate"),
        (PREDICATES[GATES] | {"outcome": "failed"}, "say failed"),
        ({}, "are those of commit unknown"),
    ],
)
def test_the_gates_must_have_passed_on_this_commit(predicate: dict[str, Any], said: str) -> None:
    verdict = judge(attached(PREDICATES | {GATES: predicate}))
    assert verdict.has_failed
    assert f"the gate results {said}" in verdict.reason or said in verdict.reason


def test_provenance_names_source_and_base_by_their_hashes() -> None:
    definition = PREDICATES[PROVENANCE]["buildDefinition"]
    assert definition["resolvedDependencies"] == [
        {"uri": "git+https://github.com/acme/shop-api@refs/heads/main", "digest": {"gitCommit": COMMIT}},
        {"uri": "pkg:docker/docker.io/library/python@3.12-slim", "digest": {"sha256": "b" * 64}},
    ]
    assert PREDICATES[PROVENANCE]["runDetails"]["metadata"]["startedOn"] == "2026-05-04T12:00:00Z"


def test_evidence_that_failed_is_not_saved_by_a_signature() -> None:
    assert with_proof(failed("1 of 2 gates failed: lint."), passed("signed")) == failed("1 of 2 gates failed: lint.")
    assert with_proof(passed("All passed."), None) == passed("All passed.")
    assert with_proof(passed("All passed."), failed("not signed")) == failed("not signed")


def test_gate_results_carry_what_later_commits_are_compared_with() -> None:
    found = Finding("ruff", "S608", Severity.LOW, "", "a.py", 3, fingerprint="f1")
    gates = (
        GateResult("findings", passed("1 finding"), findings=(found,)),
        GateResult("coverage", passed("80 %"), coverage=CoveredLines(8, 10)),
    )
    predicate = json.loads(json.dumps(gate_results(COMMIT, gates, "")))
    assert baseline_from(predicate, COMMIT) == Baseline(COMMIT, frozenset({"f1"}), CoveredLines(8, 10))
    # Neither those of another commit, nor those of one that failed, nor anything else.
    assert baseline_from(predicate, "d" * 40) is None
    assert baseline_from(predicate | {"outcome": "failed"}, COMMIT) is None
    assert baseline_from(predicate | {"baseline": ["f1"]}, COMMIT) is None
    assert baseline_from(PREDICATES[GATES], COMMIT) is None


def test_a_gate_that_is_asked_for_has_to_be_among_the_results() -> None:
    def required(**ecr: object) -> frozenset[str]:
        settings = {"repository": "acme/shop-api", "image": "shop-api", "ecr": ecr or None}
        return required_gates(Application.model_validate(settings))

    assert required() == required(**{"scan-seconds": 0}) == frozenset()
    verdict = judge_proof(attached(PREDICATES), DIGEST, (KEY,), ORIGIN, required(**{"scan-seconds": 60}))
    assert "the gate results do not name image-scan" in verdict.reason
    scanned = gate_results(COMMIT, (*PASSED, GateResult("image-scan", passed("No vulnerability."))), "")
    assert judge_proof(attached(PREDICATES | {GATES: scanned}), DIGEST, (KEY,), ORIGIN, required()).has_passed

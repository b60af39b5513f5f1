"""The gates of a commit as a statement about its image, so that an image proves them without asking GitHub."""

from collections.abc import Collection, Mapping
from typing import Any

from tasks.domain.delivery.application import Application, asks_for_scan
from tasks.domain.gates.baseline import Baseline, baseline_content, baseline_in, read_baseline
from tasks.domain.gates.gate import IMAGE_SCAN, VULNERABILITIES, GateResult, decide_all
from tasks.domain.proof.vulnerabilities import listed_vulnerabilities
from tasks.domain.verdict import Outcome


def gate_results(commit: str, gates: tuple[GateResult, ...], run: str) -> dict[str, Any]:
    """The predicate: the aggregate as decide_all makes it, and each gate with its reason and the waivers it used.

    With it goes what later commits are compared with, for workers that have not seen this one; and the gate of
    vulnerabilities lists them, so that another image can be compared with this one.
    """
    verdict, baseline = decide_all(gates), baseline_in(gates, commit)
    return {
        "commit": commit,
        "outcome": verdict.outcome.value,
        "reason": verdict.reason,
        "gates": [_gate(gate) for gate in gates],
        "run": run,
        **({"baseline": baseline_content(baseline)} if baseline else {}),
    }


def baseline_from(predicate: Mapping[str, Any], commit: str) -> Baseline | None:
    """What the results leave for later commits; None where they are not those of this commit, passed."""
    return None if problem_with_gates(predicate, commit) else read_baseline(predicate.get("baseline"), commit)


def required_gates(application: Application) -> frozenset[str]:
    """The gates that must be among the results, though no check has their name."""
    return frozenset({IMAGE_SCAN}) if asks_for_scan(application) else frozenset()


def problem_with_gates(
    predicate: Mapping[str, Any], commit: str, required: Collection[str] = frozenset()
) -> str | None:
    """Why these results do not let the image pass, in words that follow "the gate results"; None where they do.

    Each of the `required` gates has to be among them.
    """
    gates = predicate.get("gates")
    if predicate.get("commit") != commit:
        return f"are those of commit {predicate.get('commit') or 'unknown'}, not of {commit}"
    if not isinstance(gates, list) or not gates:
        return "name no gate"
    bad = [gate for gate in gates if not isinstance(gate, Mapping) or gate.get("outcome") != Outcome.PASSED.value]
    if bad or predicate.get("outcome") != Outcome.PASSED.value:
        return f"say {predicate.get('outcome')}: {predicate.get('reason')}"
    if missing := sorted(set(required) - {str(gate.get("gate")) for gate in gates}):
        return f"do not name {', '.join(missing)}"
    return None


def _gate(gate: GateResult) -> dict[str, Any]:
    said = {"gate": gate.gate, "outcome": gate.verdict.outcome.value, "reason": gate.verdict.reason}
    listed = {"vulnerabilities": listed_vulnerabilities(gate)} if gate.gate == VULNERABILITIES else {}
    return said | listed | ({"waived": [str(use) for use in gate.waived]} if gate.waived else {})

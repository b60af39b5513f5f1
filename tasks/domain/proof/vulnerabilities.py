"""The vulnerabilities that the signed gate results of an image list, and what changed between two images."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tasks.domain.gates.finding import Finding
from tasks.domain.gates.gate import VULNERABILITIES, GateResult
from tasks.domain.wording import counted

_FIXABLE = {True: ", another version fixes it", False: ", no fix yet", None: ""}


@dataclass(frozen=True, slots=True, order=True)
class Vulnerability:
    """One in one package; in another version of that package it is still the same."""

    package: str
    rule: str


@dataclass(frozen=True, slots=True)
class VulnerabilityChange:
    """What another image brings: a sentence for each that is new or gone, `kept` counts the others."""

    added: tuple[str, ...]
    removed: tuple[str, ...]
    kept: int

    def __str__(self) -> str:
        if not (self.added or self.removed):
            return f"the same {counted(self.kept, 'vulnerability', 'vulnerabilities')}" if self.kept else "none in both"
        return f"{len(self.added)} new, {len(self.removed)} gone, {self.kept} as before"


def listed_vulnerabilities(gate: GateResult) -> list[dict[str, Any]]:
    """As they stand in the gate's signed result: those that count, and those that are waived, which are there too."""
    found = [(one, False) for one in gate.findings] + [(use.finding, True) for use in gate.waived]
    return [_listed(finding, is_waived=is_waived) for finding, is_waived in found]


def vulnerabilities_of(gate_results: Mapping[str, Any]) -> dict[Vulnerability, str] | None:
    """Each with a sentence about it; None where the results do not tell, or no check has looked."""
    gates = gate_results.get("gates")
    known = [one for one in gates if isinstance(one, Mapping)] if isinstance(gates, list) else []
    listed = next((one.get("vulnerabilities") for one in known if one.get("gate") == VULNERABILITIES), None)
    if not isinstance(listed, list):
        return None
    return {
        Vulnerability(str(one.get("package", "")).partition(" ")[0], str(one.get("rule", ""))): _sentence(one)
        for one in listed
        if isinstance(one, Mapping)
    }


def vulnerability_change(
    before: Mapping[Vulnerability, str], after: Mapping[Vulnerability, str]
) -> VulnerabilityChange:
    """The difference, by package and then by rule."""
    return VulnerabilityChange(
        tuple(after[one] for one in sorted(after.keys() - before.keys())),
        tuple(before[one] for one in sorted(before.keys() - after.keys())),
        len(before.keys() & after.keys()),
    )


def _listed(finding: Finding, *, is_waived: bool) -> dict[str, Any]:
    return {
        "rule": finding.rule,
        "package": finding.package,
        "severity": finding.severity.value,
        "fixable": finding.fixable,
        "waived": is_waived,
    }


def _sentence(listed: Mapping[str, Any]) -> str:
    fixable = listed.get("fixable")
    said = f"{listed.get('severity', 'unknown')}{_FIXABLE[fixable if isinstance(fixable, bool) else None]}"
    waived = ", waived" if listed.get("waived") is True else ""
    return f"{listed.get('rule', '')} in {listed.get('package') or 'an unknown package'} ({said}{waived})"

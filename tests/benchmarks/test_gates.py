"""How long the gates themselves take for a large report: reading it, fingerprinting, and deciding."""

import json
import time
from datetime import date

import pytest

from tasks.domain.delivery.application import Application
from tasks.domain.gates.baseline import baseline_of
from tasks.domain.gates.check import Check, Reports
from tasks.domain.gates.checks import CheckOutcome, Exited
from tasks.domain.gates.engine import GateFacts, decide_gates
from tasks.domain.gates.finding import with_fingerprints
from tasks.domain.gates.waiver import Waiver
from tasks.domain.reports.sarif import parse_sarif

FINDINGS, WAIVERS = 10_000, 1_000
AIM_SECONDS = 0.5
TODAY = date(2031, 5, 17)


def large_report(findings: int = FINDINGS) -> bytes:
    results = [
        {
            "ruleId": f"{'CVE-2031-' if number % 5 == 0 else 'R'}{number % 300}",
            "level": ("note", "warning", "error")[number % 3],
            "message": {"text": f"Finding number {number} says what is wrong at some length."},
            "locations": [
                {
                    "physicalLocation": {
                        "artifactLocation": {"uri": f"file:///checkout/src/module_{number % 500}.py"},
                        "region": {"startLine": number},
                    }
                }
            ],
        }
        for number in range(1, findings + 1)
    ]
    run = {"tool": {"driver": {"name": "Scanner"}}, "results": results}
    return json.dumps({"version": "2.1.0", "runs": [run]}).encode()


@pytest.mark.benchmark
def test_ten_thousand_findings() -> None:
    report = large_report()
    parse_sarif(large_report(1), "small.sarif")
    began = time.perf_counter()
    parsed = parse_sarif(report, "large.sarif", roots=("/checkout",))
    read = time.perf_counter()
    findings = with_fingerprints(parsed, lambda _file, line: f"text of line {line}")
    marked = time.perf_counter()
    waivers = tuple(
        Waiver(rule=f"R{number % 300}", path=f"src/module_{number}.py", owner="Pat", reason="x", expires=TODAY)
        for number in range(WAIVERS)
    )
    application = Application(
        repository="acme/shop-api",
        image="shop-api",
        checks={"scan": Check(command=("scan",), reports=Reports(sarif="large.sarif"))},
    )
    facts = GateFacts(TODAY, waivers, baseline_of("a" * 40, findings[: FINDINGS // 2]))
    outcome = CheckOutcome("scan", Exited(0), findings=findings)
    ready = time.perf_counter()
    gates = decide_gates(application, (outcome,), facts)
    decided = time.perf_counter()
    print(f"\n{FINDINGS} findings and {WAIVERS} waivers, in seconds")  # noqa: T201 - this is what a benchmark is for
    print(f"{read - began:8.3f}  reading {len(report) / 1024 / 1024:.1f} MB of SARIF")  # noqa: T201
    print(f"{marked - read:8.3f}  fingerprints")  # noqa: T201
    print(f"{decided - ready:8.3f}  the gates' decision   aim {AIM_SECONDS}")  # noqa: T201
    assert [gate.gate for gate in gates] == ["scan", "findings", "vulnerabilities"]
    assert sum(len(gate.findings) + len(gate.waived) for gate in gates) == FINDINGS

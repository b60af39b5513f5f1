"""SARIF says in many ways how bad a result is, where it stands, and that it does not count."""

import json
from typing import Any

import pytest

from tasks.domain.errors import InvalidReport
from tasks.domain.gates.finding import Finding, Kind, Severity
from tasks.domain.reports.sarif import parse_sarif


def run(*results: dict[str, Any], rules: list[dict[str, Any]] | None = None, **more: Any) -> bytes:
    given = [{"ruleId": "R1", "message": {"text": "no"}} | result for result in results]
    driver = {"name": "Scanner", "rules": rules or []}
    return json.dumps({"version": "2.1.0", "runs": [{"tool": {"driver": driver}, "results": given} | more]}).encode()


def one(result: dict[str, Any], **more: Any) -> Finding:
    [finding] = parse_sarif(run(result, **more), "r.sarif", roots=("/checkout",))
    return finding


@pytest.mark.parametrize(
    ("score", "severity"),
    [
        ("9.0", Severity.CRITICAL),
        ("8.9", Severity.HIGH),
        ("7.0", Severity.HIGH),
        ("6.9", Severity.MEDIUM),
        ("4.0", Severity.MEDIUM),
        ("3.9", Severity.LOW),
        ("0.0", Severity.LOW),
        (9.8, Severity.CRITICAL),
        ("-1", Severity.UNKNOWN),
    ],
)
def test_a_score_decides_before_any_level(score: object, severity: Severity) -> None:
    rule = {"id": "R1", "properties": {"security-severity": score}}
    assert one({"level": "note"}, rules=[rule]).severity is severity
    assert one({"level": "note", "properties": {"security-severity": score}}).severity is severity


@pytest.mark.parametrize(
    ("level", "severity"),
    [
        ("error", Severity.HIGH),
        ("warning", Severity.MEDIUM),
        ("note", Severity.LOW),
        ("none", Severity.INFO),
        (None, Severity.MEDIUM),
    ],
)
def test_the_level_is_the_result_s_or_the_rule_s_or_warning(level: str | None, severity: Severity) -> None:
    assert one({"level": level} if level else {}).severity is severity
    rule = {"id": "R1", "defaultConfiguration": {"level": level} if level else {}}
    assert one({}, rules=[rule]).severity is severity


@pytest.mark.parametrize(
    ("result", "counts"),
    [
        ({}, True),
        ({"suppressions": []}, True),
        ({"suppressions": [{"kind": "inSource"}]}, False),
        ({"suppressions": [{"kind": "external", "status": "accepted"}]}, False),
        ({"suppressions": [{"kind": "external", "status": "rejected"}]}, True),
        ({"suppressions": [{"status": "accepted"}, {"status": "underReview"}]}, True),
        ({"kind": "fail"}, True),
        ({"kind": "pass"}, False),
        ({"kind": "notApplicable"}, False),
        ({"baselineState": "unchanged"}, True),
        ({"baselineState": "absent"}, False),
    ],
)
def test_what_is_suppressed_no_problem_or_gone_does_not_count(result: dict[str, Any], counts: bool) -> None:
    assert len(parse_sarif(run(result), "r.sarif")) == counts


def test_a_rule_is_named_by_id_reference_or_index_and_an_id_may_go_on() -> None:
    rules = [{"id": "R0"}, {"id": "R1", "defaultConfiguration": {"level": "error"}}]
    for result in ({}, {"ruleId": None, "rule": {"id": "R1"}}, {"ruleId": None, "ruleIndex": 1}, {"ruleId": "R1/sub"}):
        finding = one(result, rules=rules)
        assert (finding.rule.partition("/")[0], finding.severity) == ("R1", Severity.HIGH)
    assert one({"ruleId": None, "ruleIndex": 7}, rules=rules).rule == "unnamed"


def test_a_message_may_stand_at_the_rule_and_take_arguments() -> None:
    rule = {"id": "R1", "messageStrings": {"default": {"text": "{0} is not {1}, {2} {x}"}}}
    message = {"id": "default", "arguments": ["this", "that {0}"]}
    assert one({"message": message}, rules=[rule]).message == "this is not that {0}, {2} {x}"


def test_a_link_to_another_place_is_its_words() -> None:
    text = "This [value](1) comes from [a list[0]](2), see [the manual](https://docs.example)"
    said = "This value comes from [a list[0]](2), see [the manual](https://docs.example)"
    assert one({"message": {"text": text}}).message == said


def test_a_secret_scanner_s_results_are_bad_where_nothing_else_is_said() -> None:
    leak = json.loads(run({}, {"level": "note"}))
    leak["runs"][0]["tool"]["driver"]["name"] = "gitleaks"
    found = parse_sarif(json.dumps(leak).encode(), "r.sarif")
    assert [(finding.kind, finding.severity) for finding in found] == [
        (Kind.SECRET, Severity.HIGH),
        (Kind.SECRET, Severity.LOW),
    ]


@pytest.mark.parametrize(("tool", "message"), [("Bandit", "password"), ("Other", "password: 'x'")])
def test_only_bandit_s_messages_on_passwords_are_cut(tool: str, message: str) -> None:
    report = json.loads(run({"ruleId": "B106", "message": {"text": "password: 'x'"}}))
    report["runs"][0]["tool"]["driver"]["name"] = tool
    [finding] = parse_sarif(json.dumps(report).encode(), "r.sarif")
    assert finding.message == message


@pytest.mark.parametrize(
    ("notifications", "why"),
    [
        ({}, "Scanner did not finish; run"),
        ({"toolExecutionNotifications": [{"level": "warning", "message": {"text": "odd"}}]}, "not finish; run"),
        ({"toolConfigurationNotifications": [{"level": "error", "message": {"text": "bad rule"}}]}, ": bad rule; run"),
    ],
)
def test_why_a_tool_did_not_finish_is_its_first_error(notifications: dict[str, Any], why: str) -> None:
    with pytest.raises(InvalidReport, match=why):
        parse_sarif(run({}, invocations=[{"executionSuccessful": False} | notifications]), "r.sarif")


@pytest.mark.parametrize(
    ("location", "bases", "file"),
    [
        ({"uri": "a.py"}, {}, "a.py"),
        ({"uri": "a.py", "uriBaseId": "ROOT"}, {"ROOT": {"uri": "file:///checkout/src/"}}, "src/a.py"),
        ({"uri": "a.py", "uriBaseId": "NOWHERE"}, {}, "a.py"),
        ({"uri": "file:///checkout/a.py", "uriBaseId": "ROOT"}, {"ROOT": {"uri": "x/"}}, "a.py"),
        ({"uri": "file://[a.py"}, {}, "file:/[a.py"),
        (
            {"uri": "a.py", "uriBaseId": "A"},
            {"A": {"uri": "x/", "uriBaseId": "B"}, "B": {"uri": "y/", "uriBaseId": "A"}},
            None,
        ),
    ],
)
def test_a_place_is_found_through_its_bases_which_may_not_lead_in_circles(
    location: dict[str, str], bases: dict[str, Any], file: str | None
) -> None:
    result = {"locations": [{"physicalLocation": {"artifactLocation": location, "region": {"startLine": 3}}}]}
    finding = one(result, originalUriBaseIds=bases)
    assert (finding.file == file) or (file is None and finding.file.endswith("a.py"))
    assert finding.line == 3


@pytest.mark.parametrize(
    ("rule", "kind"),
    [
        ("CVE-2031-0001", Kind.VULNERABILITY),
        ("GHSA-aaaa-bbbb-cccc", Kind.VULNERABILITY),
        ("SNYK-PYTHON-SHAKY-1", Kind.VULNERABILITY),
        ("SNYK-CODE-1", Kind.CODE),
        ("py/sql-injection", Kind.CODE),
    ],
)
def test_an_advisory_s_rule_makes_a_vulnerability(rule: str, kind: Kind) -> None:
    assert one({"ruleId": rule}).kind is kind


def test_a_tool_s_own_fingerprint_is_what_tells_its_results_apart() -> None:
    assert one({"partialFingerprints": {"primaryLocationLineHash": "a:1", "other": "x"}}).identity == "a:1"
    assert one({"fingerprints": {"v2": "b", "v1": "a"}}).identity == "v1=a v2=b"
    assert one({}).identity == ""


def test_all_runs_of_a_file_count() -> None:
    whole = json.loads(run({}))
    whole["runs"] *= 3
    assert len(parse_sarif(json.dumps(whole).encode(), "r.sarif")) == 3


def test_an_error_of_a_tool_that_calls_itself_successful_is_no_failure_of_most() -> None:
    said = [{"executionSuccessful": True, "toolExecutionNotifications": [{"level": "error", "message": {"text": "x"}}]}]
    assert len(parse_sarif(run({}, invocations=said), "r.sarif")) == 1

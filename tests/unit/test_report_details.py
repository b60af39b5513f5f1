"""The small rules of each format, one by one: what breaking a single condition of a parser must not leave unseen."""

import json
from typing import Any

import pytest

from tasks.domain.errors import InvalidReport
from tasks.domain.gates.finding import Finding, Severity
from tasks.domain.gates.measure import Coverage, TestCount
from tasks.domain.reports.ecr import decide_scan
from tasks.domain.reports.reading import read_report


def found(format_name: str, report: object) -> tuple[Finding, ...]:
    read = read_report(format_name, json.dumps(report).encode(), "r", roots=("/checkout",))
    assert isinstance(read, tuple)
    return read


def covered(format_name: str, report: str) -> dict[str, tuple[set[int], set[int]]]:
    """The lines that ran and those that did not, by file."""
    read = read_report(format_name, report.encode(), "r", roots=("/checkout",))
    assert isinstance(read, Coverage)
    return {file.file: (set(file.covered), set(file.missed)) for file in read.files}


@pytest.mark.parametrize(
    ("sources", "name", "file"),
    [
        ((), "src/a.py", "src/a.py"),
        (("",), "src/a.py", "src/a.py"),
        (("/checkout/src",), "a.py", "src/a.py"),
        (("/checkout/src", ""), "a.py", "src/a.py"),
        (("/checkout/src",), "/checkout/lib/a.py", "lib/a.py"),
        (("/checkout/src", "/checkout/lib"), "/checkout/lib/a.py", "lib/a.py"),
        # Which of several it is relative to nobody says, nor where a folder elsewhere is in the repository.
        (("/checkout/src", "/checkout/lib"), "a.py", "**/a.py"),
        (("/build/src",), "a.py", "**/a.py"),
    ],
)
def test_a_file_of_cobertura_s_is_found_through_its_sources(sources: tuple[str, ...], name: str, file: str) -> None:
    listed = "".join(f"<source>{source}</source>" for source in sources)
    lines = "<lines><line number='1' hits='2'/><line number='2' hits='0'/></lines>"
    report = f"<coverage><sources>{listed}</sources><class filename='{name}'>{lines}</class></coverage>"
    assert covered("cobertura", report) == {file: ({1}, {2})}


def test_the_lines_of_a_method_in_cobertura_are_no_lines_more() -> None:
    method = "<methods><method><lines><line number='9' hits='0'/></lines></method></methods>"
    report = f"<coverage><class filename='a'>{method}<lines><line number='1' hits='1'/></lines></class></coverage>"
    assert covered("cobertura", report) == {"a": ({1}, set())}


def test_a_line_that_stands_twice_in_a_report_ran_where_it_ran_once() -> None:
    one = "<class filename='a'><lines><line number='1' hits='1'/></lines></class>"
    other = "<class filename='a'><lines><line number='1' hits='0'/></lines></class>"
    assert covered("cobertura", f"<coverage>{one}{other}</coverage>") == {"a": ({1}, set())}
    line = "<sourcefile name='A'><line nr='1' ci='{}'/></sourcefile>"
    twice = line.format(1) + line.format(0)
    assert covered("jacoco", f"<report><package name='p'>{twice}</package></report>") == {"**/p/A": ({1}, set())}
    assert covered("go-cover", "mode: set\na:1.1,1.9 1 1\na:1.1,1.9 1 0\n") == {"a": ({1}, set())}


def test_a_class_of_no_package_has_its_name_alone() -> None:
    lines = "<sourcefile name='A'><line nr='1' ci='1'/></sourcefile>"
    assert covered("jacoco", f"<report><package name=''>{lines}</package></report>") == {"**/A": ({1}, set())}


@pytest.mark.parametrize("report", ["a.go:1.1,2.2 1 1\n", "mode: set\na.go:1.1,2.2 1 1"])
def test_a_profile_of_go_has_a_mode_and_ends_in_a_line(report: str) -> None:
    with pytest.raises(InvalidReport, match="is not a complete coverage profile"):
        covered("go-cover", report)


def test_a_block_of_go_without_statements_has_no_lines() -> None:
    assert covered("go-cover", "mode: set\na:1.1,2.9 1 1\na:3.1,4.9 0 0\n") == {"a": ({1, 2}, set())}


def test_negative_hits_are_none() -> None:
    assert covered("lcov", "SF:a\nDA:1,-3\nDA:1,1\nDA:2,-1\nend_of_record\n") == {"a": ({1}, {2})}


@pytest.mark.parametrize(("audited", "count"), [(None, 1), (True, 1), (False, 0)])
def test_what_an_audit_called_no_secret_is_none(audited: bool | None, count: int) -> None:
    secret: dict[str, Any] = {"type": "Keyword", "hashed_secret": "h", "line_number": 2}
    report = {"version": "1", "plugins_used": [], "results": {"a": [secret | {"is_secret": audited}]}}
    assert len(found("detect-secrets", report)) == count


def test_only_bandit_s_rules_on_passwords_lose_the_end_of_their_message() -> None:
    one = {"filename": "a.py", "issue_severity": "LOW", "issue_text": "a: b", "line_number": 1}
    report = {"errors": [], "metrics": {}, "results": [one | {"test_id": rule} for rule in ("B105", "B108")]}
    assert [each.message for each in found("bandit", report)] == ["a", "a: b"]


def leak(**more: object) -> dict[str, object]:
    return {"RuleID": "r", "StartLine": 3, "File": "a", "Description": "d", **more}


def test_a_leak_in_the_history_is_known_by_its_commit_in_any_length() -> None:
    short, whole, none = found("gitleaks", [leak(Commit="a" * 7), leak(Commit="a" * 40), leak(Description="")])
    assert short.identity == whole.identity == "aaaaaaa:3"
    assert (none.identity, none.message) == ("", "r")


def scan(*findings: dict[str, object], enhanced: bool = True) -> dict[str, object]:
    key = "enhancedFindings" if enhanced else "findings"
    return {"imageScanStatus": {"status": "ACTIVE"}, "imageScanFindings": {key: list(findings)}}


def test_what_ecr_could_not_scan_is_said_with_its_reason_if_there_is_one() -> None:
    said = "ECR could not scan the image (FAILED); look at the repository's scan settings."
    assert decide_scan("FAILED").reason == said
    assert decide_scan("FAILED", "odd").reason == said.replace(";", ": odd;")


def test_a_finding_of_ecr_without_details_or_packages_is_one_all_the_same() -> None:
    bare = found("ecr", scan({"severity": "HIGH"}, {"title": "CVE-1"}))
    assert [(one.rule, one.message, one.package, one.fixable) for one in bare] == [
        ("unnamed", "unnamed", "", None),
        ("CVE-1", "CVE-1", "", None),
    ]
    details = {"packageVulnerabilityDetails": {"vulnerabilityId": "CVE-2"}}
    assert [one.message for one in found("ecr", scan(details))] == ["CVE-2"]


@pytest.mark.parametrize(("word", "fixable"), [("YES", True), ("PARTIAL", True), ("NO", False), ("", None)])
def test_whether_ecr_knows_a_fix(word: str, fixable: bool | None) -> None:
    assert found("ecr", scan({"title": "CVE-1", "fixAvailable": word}))[0].fixable is fixable


def test_a_long_text_is_cut_for_people() -> None:
    long = "x" * 400
    texts = [
        found("ecr", scan({"name": "CVE-1", "description": long}, enhanced=False)),
        found("ecr", scan({"title": long, "packageVulnerabilityDetails": {"vulnerabilityId": "CVE-1"}})),
    ]
    assert [len(found[0].message) for found in texts] == [200, 200]


def test_an_element_without_a_name_or_text_is_counted() -> None:
    broken = "<testcase name='b'><error message=' '> \n x</error></testcase>"
    report = f"<testsuite><testcase><failure/></testcase>{broken}</testsuite>"
    assert read_report("junit", report.encode(), "r") == TestCount(
        failed=1, errors=1, failures=("a case without a name", "b: x")
    )


def test_severities_that_a_tool_does_not_have_are_unknown() -> None:
    assert found("ecr", scan({"title": "CVE-1", "severity": "UNTRIAGED"}))[0].severity is Severity.UNKNOWN


def events(*given: dict[str, str]) -> bytes:
    return "".join(json.dumps(event) + "\n" for event in given).encode()


def ran(*given: dict[str, str]) -> TestCount:
    read = read_report("go-test", events(*given), "r")
    assert isinstance(read, TestCount)
    return read


def test_a_package_of_go_that_began_and_never_ended_is_named() -> None:
    begun = [{"Action": "start", "Package": name} for name in ("c", "a", "b")]
    with pytest.raises(InvalidReport, match=r"^r ends before b has; the command did not finish"):
        ran(*begun, *({"Action": "pass", "Package": name} for name in ("c", "a")))
    with pytest.raises(InvalidReport, match=r"^r:2 is not an event of go test"):
        read_report("go-test", events({"Action": "start", "Package": "a"}) + b"[]\n", "r")


def test_what_a_test_of_go_says_first_stands_with_it_and_what_go_says_does_not() -> None:
    test = {"Package": "p", "Test": "T"}
    said = ["=== RUN   T\n", "\n", "    a_test.go:3: too  small\n", "    a_test.go:4: too big\n"]
    output = [test | {"Action": "output", "Output": text} for text in said]
    other = [test | {"Action": "pause", "Output": "not said"}]
    failed = ran(*other, *output, test | {"Action": "fail"}, {"Action": "fail", "Package": "p"})
    assert failed == TestCount(failed=1, failures=("p.T: a_test.go:3: too small",))
    assert ran(test | {"Action": "fail"}, {"Action": "fail", "Package": "p"}).failures == ("p.T",)


def test_a_package_of_go_is_an_error_only_where_no_test_of_it_failed() -> None:
    passed = {"Action": "pass", "Package": "p", "Test": "T"}
    assert ran(passed, {"Action": "pass", "Package": "p"}) == TestCount(passed=1)
    assert ran(passed, {"Action": "fail", "Package": "p"}) == TestCount(passed=1, errors=1, failures=("p",))
    assert ran({"Action": "fail"}) == TestCount()


def test_long_failures_are_cut() -> None:
    name = "T" * 400
    junit = f"<testsuite><testcase name='{name}'><failure>x</failure></testcase></testsuite>"
    bare = f"<testsuite><testcase name='{name}'><failure/></testcase></testsuite>"
    read = [
        ran({"Action": "fail", "Package": "p", "Test": name}),
        *(read_report("junit", one.encode(), "r") for one in (junit, bare)),
    ]
    assert [len(one.failures[0]) for one in read if isinstance(one, TestCount)] == [300, 300, 300]


def test_a_case_s_first_line_with_text_is_its_reason() -> None:
    case = "<testcase classname='' name='a'><failure>\n  \n first \n second</failure></testcase>"
    assert read_report("junit", f"<testsuite>{case}</testsuite>".encode(), "r") == TestCount(
        failed=1, failures=("a: first",)
    )


@pytest.mark.parametrize(
    ("report", "line"),
    [
        ("SF:a\nDA:1,1\nSF:b\nend_of_record\n", 3),
        ("SF\nDA:1,1\nend_of_record\n", 1),
        ("SF:a\nDA:1,1\nend_of_record\nend_of_record\n", 4),
    ],
)
def test_records_of_a_tracefile_do_not_nest(report: str, line: int) -> None:
    with pytest.raises(InvalidReport, match=rf"^r:{line} is not a line of an LCOV tracefile"):
        covered("lcov", report)


def test_a_tracefile_that_ends_within_a_record_is_cut_off() -> None:
    with pytest.raises(InvalidReport, match="ends within the record of a file"):
        covered("lcov", "SF:a\nDA:1,1\n")


@pytest.mark.parametrize("report", [{"auditReportVersion": 2}, {"vulnerabilities": {}}])
def test_half_a_report_of_npm_s_is_none(report: object) -> None:
    with pytest.raises(InvalidReport, match="no report of npm 7 or newer"):
        found("npm-audit", report)


@pytest.mark.parametrize(
    ("report", "said"),
    [
        ({"message": "m", "error": {"summary": "s", "code": "c"}}, "s"),
        ({"message": "m", "error": {"summary": "", "code": "c"}}, "m"),
        ({"error": {"code": "c"}}, "c"),
        ({"error": {}}, "it gave no reason"),
    ],
)
def test_why_npm_could_not_audit_is_what_it_says_best(report: object, said: str) -> None:
    with pytest.raises(InvalidReport, match=rf"npm could not audit \({said}\)"):
        found("npm-audit", report)


def test_texts_that_npm_and_pip_audit_leave_out_are_ours() -> None:
    via = {"source": 1, "name": "a", "severity": "low", "title": "x" * 400}
    package = {"name": "a", "via": [via, via | {"source": 2, "title": ""}], "fixAvailable": False}
    npm = found("npm-audit", {"auditReportVersion": 2, "vulnerabilities": {"a": package}})
    assert [len(npm[0].message), npm[1].message] == [
        len("; there is no fix yet") + 200,
        "vulnerability in a; there is no fix yet",
    ]
    vulnerability = {"id": "P", "fix_versions": [], "description": "x" * 400}
    dependencies = [
        {"name": "a", "version": "1", "vulns": [vulnerability]},
        {"name": "b", "skip_reason": ""},
    ]
    pip = found("pip-audit", {"dependencies": dependencies, "fixes": []})
    assert [len(pip[0].message), pip[1].message] == [len("; there is no fix yet") + 200, "was not audited"]


@pytest.mark.parametrize(
    ("shown", "message"),
    [
        ({"text": "t", "markdown": "m"}, "t"),
        ({"markdown": "m"}, "m"),
        ({"id": "other"}, "short"),
        ({"id": "known"}, "named"),
        ({"text": "", "id": "known"}, "named"),
        ({}, "short"),
    ],
)
def test_the_best_text_that_a_result_of_sarif_has_is_its_message(shown: object, message: str) -> None:
    rule = {"id": "R", "messageStrings": {"known": {"text": "named"}}, "shortDescription": {"text": "short"}}
    run = {"tool": {"driver": {"name": "x", "rules": [rule]}}, "results": [{"ruleId": "R", "message": shown}]}
    [one] = found("sarif", {"version": "2.1.0", "runs": [run]})
    assert one.message == message


def test_a_result_of_sarif_without_a_rule_s_text_or_rules_is_named_by_its_rule() -> None:
    results = [{"ruleId": "R", "message": {}}, {"ruleIndex": 0, "message": {}}, {"ruleIndex": -1, "message": {}}]
    run = {"tool": {"driver": {"name": "x"}}, "results": results}
    assert [one.rule for one in found("sarif", {"version": "2.1.0", "runs": [run]})] == ["R", "unnamed", "unnamed"]
    listed = {"tool": {"driver": {"name": "x", "rules": [{"id": "A"}, {"id": "B"}]}}}
    numbered = [{"ruleIndex": index, "message": {}} for index in (-1, 0, 1, 2)]
    assert [one.message for one in found("sarif", {"version": "2.1.0", "runs": [listed | {"results": numbered}]})] == [
        "unnamed",
        "A",
        "B",
        "unnamed",
    ]


def trivy(**result: object) -> tuple[Finding, ...]:
    return found("trivy", {"SchemaVersion": 2, "ArtifactName": "x", "Results": [{"Target": "t/lock", **result}]})


def test_trivy_s_licences_are_findings_of_a_package_or_a_file() -> None:
    of_package = {"Name": "AGPL-3.0", "PkgName": "p", "Severity": "HIGH"}
    licences = [of_package, {"Name": "GPL-2.0", "FilePath": "vendor/./a/LICENSE", "Severity": "CRITICAL"}]
    assert [(one.severity, str(one)) for one in trivy(Class="license", Licenses=licences)] == [
        (Severity.HIGH, "p (t/lock): AGPL-3.0: licence AGPL-3.0 of p"),
        (Severity.CRITICAL, "vendor/a/LICENSE: GPL-2.0: licence GPL-2.0"),
    ]


def test_trivy_s_vulnerability_is_in_the_package_s_file_or_in_the_lock_file() -> None:
    one = {"VulnerabilityID": "CVE-1", "PkgName": "p", "Severity": "NEGLIGIBLE", "Title": "x" * 400}
    [first, second] = trivy(Vulnerabilities=[one, one | {"PkgName": "q", "PkgPath": "q/package.json", "Title": ""}])
    assert (first.file, first.severity) == ("t/lock", Severity.UNKNOWN)
    assert len(first.message) == 200 + len("; there is no fix yet")
    assert str(second) == "q (q/package.json): CVE-1: vulnerability in q; there is no fix yet"
    [of_system] = trivy(Class="os-pkgs", Vulnerabilities=[one])
    assert of_system.file == ""


def test_trivy_s_misconfiguration_has_the_best_text_and_both_of_its_names() -> None:
    texts = [{"Message": "m", "Title": "t"}, {"Title": "t"}, {}]
    shown = trivy(Misconfigurations=[{"ID": "DS-1", "AVDID": "AVD-1"} | text for text in texts])
    assert [one.message for one in shown] == ["m", "t", "DS-1"]
    assert {one.aliases for one in shown} == {("AVD-1",)}
    [without] = trivy(Misconfigurations=[{"ID": "DS-1"}])
    assert without.aliases == ()
    assert [one.message for one in trivy(Secrets=[{"RuleID": "r", "Title": "t"}, {"RuleID": "r"}])] == ["t", "r"]


def test_a_system_at_its_end_is_fixed_by_another() -> None:
    system = {"OS": {"Family": "alpine", "Name": "3.9", "EOSL": True}}
    [one] = found("trivy", {"SchemaVersion": 2, "ArtifactName": "x", "Metadata": system})
    assert (one.fixable, one.package) == (True, "alpine 3.9")


def results(*given: dict[str, Any], **more: Any) -> tuple[Finding, ...]:
    run = {"tool": {"driver": {"name": "x", **more.pop("driver", {})}}, "results": list(given), **more}
    return found("sarif", {"version": "2.1.0", "runs": [run]})


def at(**location: object) -> dict[str, Any]:
    return {"ruleId": "R", "message": {"text": "m"}, "locations": [{"physicalLocation": location}]}


def test_a_place_of_sarif_may_lack_any_of_its_parts() -> None:
    places = [
        at(artifactLocation={"uri": "a"}, region={"startLine": 7}),
        at(artifactLocation={"uri": "a"}, region={}),
        at(artifactLocation={"uri": "a"}),
        at(artifactLocation={}, region={"startLine": 7}),
        at(region={"startLine": 7}),
        {"message": {"text": "m"}, "locations": [{}, *at(artifactLocation={"uri": "b"})["locations"]]},
    ]
    shown = [(one.file, one.line) for one in results(*places)]
    assert shown == [("a", 7), ("a", 0), ("a", 0), ("", 7), ("", 7), ("b", 0)]


@pytest.mark.parametrize(
    ("uri", "bases", "file"),
    [
        ("a", {}, "a"),
        ("a", {"B": {}}, "a"),
        ("/checkout/a", {"B": {"uri": "file:///other/"}}, "a"),
        ("file:///checkout/a", {"B": {"uri": "file:///other/"}}, "a"),
        ("a", {"B": {"uri": "b/", "uriBaseId": "C"}, "C": {"uri": "/checkout/c/"}}, "c/b/a"),
    ],
)
def test_a_path_of_sarif_is_joined_to_its_bases_unless_it_is_whole(uri: str, bases: object, file: str) -> None:
    result = at(artifactLocation={"uri": uri, "uriBaseId": "B"})
    assert [one.file for one in results(result, originalUriBaseIds=bases)] == [file]


def test_a_result_of_sarif_that_brings_its_fix_is_fixable() -> None:
    assert [one.fixable for one in results(at(), at() | {"fixes": [{}]})] == [None, True]


def test_the_rules_of_a_tool_s_extensions_count_too_and_an_id_s_beginning_names_one() -> None:
    rules = [{"id": "R", "defaultConfiguration": {"level": "error"}}]
    tool = {"driver": {"name": "x"}, "extensions": [{"name": "y", "rules": rules}, {"name": "z"}]}
    report = {"version": "2.1.0", "runs": [{"tool": tool, "results": [at(), at() | {"ruleId": "R/1"}]}]}
    assert [one.severity for one in found("sarif", report)] == [Severity.HIGH, Severity.HIGH]


@pytest.mark.parametrize(
    "text", ["projectKey=p\nsomething\n", "ceTaskId=AY\nno equals here\n", "ceTaskId=\nprojectKey=p\n"]
)
def test_half_of_a_scanner_s_report_task_is_none(text: str) -> None:
    with pytest.raises(InvalidReport, match="has no ceTaskId or projectKey"):
        read_report("sonarqube", text.encode(), "r")

"""Every format is read as its tool writes it, and what is cut off, hostile or of another tool is refused by name."""

import json
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.domain.errors import InvalidReport
from tasks.domain.gates.check import COVERAGE_FORMATS, FINDING_FORMATS, TEST_FORMATS, VULNERABILITY_FORMATS, Reports
from tasks.domain.gates.finding import Finding, Kind, Severity
from tasks.domain.gates.measure import TestCount, coverage_of
from tasks.domain.reports.content import MAX_BYTES
from tasks.domain.reports.ecr import decide_scan
from tasks.domain.reports.place import relative_path
from tasks.domain.reports.reading import FORMATS, Parsed, join, read_report
from tasks.domain.reports.sonarqube import SonarQubeAnalysis
from tasks.domain.verdict import Outcome

REPORTS = Path(__file__).parent.parent / "data" / "reports"
CALC = coverage_of({("calc.py", line): line not in {10, 15} for line in (1, 4, 5, 8, 9, 10, 11, 14, 15)})
SHOP = "**/com/acme/shop/Prices.java"
CODE, SECRET, VULNERABILITY = Kind.CODE, Kind.SECRET, Kind.VULNERABILITY
UNKNOWN, LOW, MEDIUM, HIGH, CRITICAL = (
    Severity.UNKNOWN,
    Severity.LOW,
    Severity.MEDIUM,
    Severity.HIGH,
    Severity.CRITICAL,
)
REPORT_TASK = b"""projectKey=shop-api
serverUrl=http://sonar:9000
dashboardUrl=http://sonar:9000/dashboard?id=shop-api
ceTaskId=AY1
ceTaskUrl=http://sonar:9000/api/ce/task?id=AY1
"""


def read(format_name: str, file: str) -> Parsed:
    return read_report(format_name, (REPORTS / file).read_bytes(), file, roots=("/checkout", "acme.example/shop"))


def findings(format_name: str, file: str) -> tuple[Finding, ...]:
    read_as = read(format_name, file)
    assert isinstance(read_as, tuple)
    return read_as


MEASURES = [
    (
        "junit",
        "junit.xml",
        TestCount(
            passed=1,
            failed=1,
            errors=1,
            skipped=1,
            failures=(
                "test_calc.test_div_fail: assert 2.0 == 3",
                'test_calc.test_err: failed on setup with "RuntimeError: setup error"',
            ),
        ),
    ),
    ("cobertura", "cobertura.xml", CALC),
    ("lcov", "lcov.info", CALC),
    ("coverage-py", "coverage.json", CALC),
    (
        "jacoco",
        "jacoco.xml",
        coverage_of({(SHOP, 11): 2, (SHOP, 12): 0, (SHOP, 14): 8, ("**/Main.java", 9): 0, ("**/Main.java", 10): 0}),
    ),
    (
        "go-test",
        "go-test.json",
        TestCount(
            passed=2,
            failed=2,
            errors=1,
            skipped=1,
            failures=(
                "acme.example/shop/prices.TestManyPrices/negative: prices_test.go:19: a price is not negative",
                "acme.example/shop/prices.TestManyPrices",
                (
                    'acme.example/shop/broken: broken/broken.go:3:179: cannot use "no number" (untyped string constant)'
                    " as int value in return statement"
                ),
            ),
        ),
    ),
    (
        "go-cover",
        "go-cover.out",
        coverage_of({("prices/prices.go", line): line not in {9, 10} for line in range(7, 12)}),
    ),
]


@pytest.mark.parametrize(("format_name", "file", "measure"), MEASURES, ids=[case[0] for case in MEASURES])
def test_a_measure_is_read_as_its_tool_wrote_it(format_name: str, file: str, measure: Parsed) -> None:
    assert read(format_name, file) == measure


# Each finding by severity, kind, whether it is fixable, and how it is shown.
FINDINGS = [
    (
        "sarif",
        "codeql.sarif",
        [
            (
                HIGH,
                CODE,
                None,
                "shop_api/store.py:41: py/sql-injection: This query depends on a user-provided value.",
            ),
            (LOW, CODE, None, "lib/my module.py:1: py/unused-import: Import of 'os' is not used."),
            (LOW, CODE, None, "CodeQL: py/unused-import: Import of 're' is not used."),
        ],
    ),
    (
        "trivy",
        "trivy.json",
        [
            (
                HIGH,
                VULNERABILITY,
                True,
                "libexample1 3.0.1-1: CVE-2031-0001: libexample: reads behind its buffer; fixed in 3.0.2-1",
            ),
            (
                CRITICAL,
                VULNERABILITY,
                False,
                "libother 1.1: CVE-2031-0002: libother: runs what it is sent; there is no fix yet",
            ),
            (
                UNKNOWN,
                VULNERABILITY,
                True,
                (
                    "left-pad 1.0.0 (app/node_modules/left-pad/package.json): CVE-2031-0003: vulnerability in "
                    "left-pad; fixed in 1.0.1"
                ),
            ),
            (HIGH, CODE, None, "Dockerfile:3: DS002: Specify at least 1 USER command"),
            (CRITICAL, SECRET, None, "/app/config.py:7: aws-access-key-id: AWS Access Key ID"),
        ],
    ),
    (
        "gitleaks",
        "gitleaks.json",
        [
            (
                HIGH,
                SECRET,
                None,
                (
                    "settings.py:3: github-pat: Uncovered a GitHub Personal Access Token, potentially leading to "
                    "unauthorized repository access and sensitive content exposure."
                ),
            ),
            (
                HIGH,
                SECRET,
                None,
                (
                    "settings.py:1: aws-access-token: Identified a pattern that may indicate AWS credentials, risking "
                    "unauthorized cloud resource access and data breaches on AWS platforms."
                ),
            ),
        ],
    ),
    (
        "detect-secrets",
        "detect-secrets.json",
        [
            (HIGH, SECRET, None, "shop/settings.py:1: AWS Access Key: looks like a secret"),
            (HIGH, SECRET, None, "shop/settings.py:2: Base64 High Entropy String: looks like a secret"),
            (HIGH, SECRET, None, "shop/settings.py:2: GitHub Token: looks like a secret"),
            (HIGH, SECRET, None, "shop/store.py:5: Secret Keyword: looks like a secret"),
        ],
    ),
    (
        "bandit",
        "bandit.json",
        [
            (LOW, SECRET, None, "shop/settings.py:2: B105: Possible hardcoded password"),
            (
                LOW,
                CODE,
                None,
                "shop/store.py:3: B404: Consider possible security implications associated with the subprocess module.",
            ),
            (LOW, SECRET, None, "shop/store.py:5: B105: Possible hardcoded password"),
            (HIGH, CODE, None, "shop/store.py:9: B602: subprocess call with shell=True identified, security issue."),
        ],
    ),
    (
        "pip-audit",
        "pip-audit.json",
        [
            (
                UNKNOWN,
                VULNERABILITY,
                True,
                "shaky 2.10: PYSEC-2031-1: vulnerability in shaky; fixed in 2.10.1",
            ),
            (
                UNKNOWN,
                VULNERABILITY,
                False,
                "shaky 2.10: GHSA-hhhh-jjjj-mmmm: Reads any file; there is no fix yet",
            ),
        ],
    ),
    (
        "npm-audit",
        "npm-audit.json",
        [
            (
                CRITICAL,
                VULNERABILITY,
                True,
                "padder <1.0.1: GHSA-aaaa-bbbb-cccc: Prototype pollution in padder; an update fixes it",
            ),
            (
                MEDIUM,
                VULNERABILITY,
                False,
                "slow *: 1100002: Slow regular expression; there is no fix yet",
            ),
        ],
    ),
    (
        "ecr",
        "ecr-basic.json",
        [
            (HIGH, VULNERABILITY, None, "example 1:2.3: CVE-2031-0005: example mishandles its input."),
            (UNKNOWN, VULNERABILITY, None, "other: CVE-2031-0006: CVE-2031-0006"),
        ],
    ),
    (
        "ecr",
        "ecr-enhanced.json",
        [
            (
                CRITICAL,
                VULNERABILITY,
                True,
                "example 1.0 (app/lib/example.jar): CVE-2031-0007: CVE-2031-0007 - example; fixed in 1.1",
            ),
            (
                CRITICAL,
                VULNERABILITY,
                True,
                "example-core 1.0: CVE-2031-0007: CVE-2031-0007 - example; fixed in 1.1",
            ),
            (UNKNOWN, VULNERABILITY, False, "third 3: CVE-2031-0009: CVE-2031-0009 - third"),
        ],
    ),
]


@pytest.mark.parametrize(("format_name", "file", "expected"), FINDINGS, ids=[case[1] for case in FINDINGS])
def test_findings_are_read_as_their_tool_wrote_them(
    format_name: str, file: str, expected: list[tuple[Severity, Kind, bool | None, str]]
) -> None:
    assert [(one.severity, one.kind, one.fixable, str(one)) for one in findings(format_name, file)] == expected


@pytest.mark.parametrize(
    ("format_name", "file"),
    [
        ("gitleaks", "gitleaks.json"),
        ("sarif", "gitleaks.sarif"),
        ("trivy", "trivy.json"),
        ("sarif", "codeql.sarif"),
        ("bandit", "bandit.json"),
        ("sarif", "bandit.sarif"),
        ("sarif", "semgrep.sarif"),
    ],
)
def test_no_secret_and_no_line_of_code_is_kept(format_name: str, file: str) -> None:
    """bandit's messages on passwords end in them, in JSON and in SARIF."""
    report = (REPORTS / file).read_bytes().replace(b"REDACTED", b"correct-horse-battery")
    assert re.search(rb"correct-horse-battery|AKIA|ghp_|cursor\.execute|subprocess\.call", report)
    kept = repr(read_report(format_name, report, file))
    for secret in ("correct-horse-battery", "AKIA", "ghp_", "cursor.execute", "subprocess.call"):
        assert secret not in kept


def test_dependencies_that_nobody_looked_up_are_findings_and_not_a_clean_report() -> None:
    """pip-audit itself says "No known vulnerabilities found" and ends with 0."""
    found = findings("pip-audit", "pip-audit-without-answers.json")
    assert [(one.package, one.rule, one.severity) for one in found] == [
        ("jinja2", "not-audited", UNKNOWN),
        ("requests", "not-audited", UNKNOWN),
    ]
    assert {one.message.partition(";")[2] for one in found} == {
        " pip-audit looked up none of 2, so check that its service can be reached"
    }


def test_a_dependency_that_only_we_have_is_no_sign_that_the_service_is_out_of_reach() -> None:
    report = {
        "dependencies": [{"name": "a", "version": "1", "vulns": []}, {"name": "ours", "skip_reason": "not found"}],
        "fixes": [],
    }
    assert [str(one) for one in read_report("pip-audit", json.dumps(report).encode(), "r")] == [  # type: ignore[union-attr]
        "ours: not-audited: not found"
    ]


def test_an_image_on_a_system_without_updates_is_a_finding() -> None:
    report = json.loads((REPORTS / "trivy.json").read_text())
    report["Metadata"]["OS"]["EOSL"] = True
    first = read_report("trivy", json.dumps(report).encode(), "trivy.json")[0]  # type: ignore[index]
    assert (first.rule, first.package, first.severity) == ("os-end-of-life", "debian 12.9", HIGH)


CLEAN = [
    ("sarif", b'{"version":"2.1.0","runs":[{"tool":{"driver":{"name":"x"}},"results":[]}]}'),
    ("trivy", b'{"SchemaVersion":2,"ArtifactName":"x","Results":null}'),
    ("trivy", b'{"SchemaVersion":2,"ArtifactName":"x"}'),
    ("gitleaks", b"[]\n"),
    ("hadolint", b"[]"),
    ("detect-secrets", b'{"version":"1.5.0","plugins_used":[],"results":{}}'),
    ("bandit", b'{"errors":[],"metrics":{},"results":[]}'),
    ("pip-audit", b'{"dependencies":[{"name":"a","version":"1","vulns":[]}],"fixes":[]}'),
    ("npm-audit", b'{"auditReportVersion":2,"vulnerabilities":{}}'),
    ("ecr", b'{"imageScanStatus":{"status":"COMPLETE"},"imageScanFindings":{}}'),
]


@pytest.mark.parametrize(("format_name", "report"), CLEAN, ids=lambda value: value if isinstance(value, str) else "")
def test_a_clean_report_is_no_findings_with_or_without_a_byte_order_mark(format_name: str, report: bytes) -> None:
    assert read_report(format_name, report, "r") == ()
    assert read_report(format_name, b"\xef\xbb\xbf" + report, "r") == ()


UNFINISHED = [
    (
        "bandit",
        {"errors": [{"filename": "app/bad.py", "reason": "syntax error"}], "metrics": {}, "results": []},
        "bad.py",
    ),
    ("npm-audit", json.loads((REPORTS / "npm-audit-without-answer.json").read_text()), "npm could not audit (405"),
    ("npm-audit", {"actions": [], "advisories": {}}, "no report of npm 7 or newer"),
    (
        "sarif",
        {
            "version": "2.1.0",
            "runs": [
                {
                    "tool": {"driver": {"name": "Scanner"}},
                    "results": [],
                    "invocations": [
                        {
                            "executionSuccessful": False,
                            "toolExecutionNotifications": [{"level": "error", "message": {"text": "no memory"}}],
                        }
                    ],
                }
            ],
        },
        "Scanner did not finish: no memory",
    ),
    ("sarif", {"version": "2.1.0", "runs": [{"tool": {"driver": {"name": "Scanner"}}}]}, "Scanner has no results"),
    ("ecr", {"imageScanStatus": {"status": "IN_PROGRESS"}}, "still scans the image"),
    ("ecr", {"imageScanStatus": {"status": "FAILED", "description": "odd"}}, "could not scan the image (FAILED): odd"),
    ("ecr", {"imageScanStatus": {"status": "ACTIVE"}}, "no imageScanFindings"),
    ("ecr", {"imageScanStatus": {"status": "ACTIVE"}, "imageScanFindings": {}, "nextToken": "x"}, "only one page"),
]


@pytest.mark.parametrize(("format_name", "report", "says"), UNFINISHED, ids=[case[2] for case in UNFINISHED])
def test_a_tool_that_says_it_did_not_do_all_its_work_has_no_report(
    format_name: str, report: dict[str, object], says: str
) -> None:
    with pytest.raises(InvalidReport) as refusal:
        read_report(format_name, json.dumps(report).encode(), "out/report")
    assert str(refusal.value).startswith("out/report")
    assert says in str(refusal.value)


def test_an_enhanced_scan_that_is_active_is_done() -> None:
    outcomes = {status: decide_scan(status).outcome for status in ("COMPLETE", "ACTIVE", "PENDING", "FAILED", "NEW")}
    assert outcomes == {
        "COMPLETE": Outcome.PASSED,
        "ACTIVE": Outcome.PASSED,
        "PENDING": Outcome.PENDING,
        "FAILED": Outcome.FAILED,
        "NEW": Outcome.FAILED,
    }


def test_the_scanner_s_report_task_keeps_what_stands_behind_equals_signs() -> None:
    expected = SonarQubeAnalysis("AY1", "shop-api", "http://sonar:9000/dashboard?id=shop-api", "http://sonar:9000")
    assert read_report("sonarqube", REPORT_TASK, "report-task.txt") == expected
    with pytest.raises(InvalidReport, match=r"report-task.txt has no ceTaskId"):
        read_report("sonarqube", b"projectKey=shop-api\n", "report-task.txt")


WHOLE = {
    **{name: (REPORTS / file).read_bytes() for name, file, _ in (*MEASURES, *FINDINGS)},
    "hadolint": (REPORTS / "hadolint.json").read_bytes(),
    "sonarqube": REPORT_TASK,
}


@pytest.mark.parametrize(
    "report", ["mode: set\na.go:1.1,2.2 1 1", "a.go:1.1,2.2 1 1\n", "mode: set\na.go:1.1 1\n", "mode: set\n"]
)
def test_a_profile_of_go_that_is_not_whole_is_refused(report: str) -> None:
    with pytest.raises(InvalidReport, match=r"^cover\.out"):
        read_report("go-cover", report.encode(), "cover.out")


def test_there_is_a_sample_of_every_format_and_a_key_for_it_in_the_configuration() -> None:
    keys = {field.alias for field in Reports.model_fields.values()}
    assert set(WHOLE) == set(FORMATS) == keys
    assert {*TEST_FORMATS, *COVERAGE_FORMATS, *FINDING_FORMATS, *VULNERABILITY_FORMATS, "sonarqube"} == keys


@pytest.mark.parametrize("format_name", FORMATS)
def test_a_report_cut_in_half_is_refused_and_the_file_named(format_name: str) -> None:
    report = WHOLE[format_name]
    with pytest.raises(InvalidReport, match=r"^out/r"):
        read_report(format_name, report[: len(report) // 2], "out/r")


@pytest.mark.parametrize("format_name", sorted(set(FORMATS) - {"lcov", "go-test", "go-cover", "sonarqube"}))
@given(share=st.floats(0, 0.99))
def test_a_report_cut_anywhere_is_refused(format_name: str, share: float) -> None:
    report = WHOLE[format_name].rstrip()
    with pytest.raises(InvalidReport, match=r"^out/r"):
        read_report(format_name, report[: int(len(report) * share)], "out/r")


@pytest.mark.parametrize("format_name", FORMATS)
@pytest.mark.parametrize(
    ("report", "says"),
    [
        (b"", "is empty"),
        (b" \n\t\n", "is empty"),
        (b"x" * (MAX_BYTES + 1), "is larger than 25 MB"),
        (b"{}", ""),
        (b"null", ""),
        (b'"text"', ""),
        (b"<html/>", ""),
        (b"\xff\xfe\x00", ""),
        (b"[" * 100_000, ""),
    ],
)
def test_what_is_no_report_at_all_is_refused_and_the_file_named(format_name: str, report: bytes, says: str) -> None:
    with pytest.raises(InvalidReport) as refusal:
        read_report(format_name, report, "out/r")
    assert str(refusal.value).startswith("out/r")
    assert says in str(refusal.value)


@pytest.mark.parametrize("format_name", FORMATS)
def test_the_report_of_another_tool_is_refused(format_name: str) -> None:
    for other, report in WHOLE.items():
        if other != format_name:
            with pytest.raises(InvalidReport, match=r"^out/r"):
                read_report(format_name, report, "out/r")


LAUGH = "<!ENTITY a0 'ha'>" + "".join(f"<!ENTITY a{n} '&a{n - 1};&a{n - 1};'>" for n in range(1, 64))


@pytest.mark.parametrize("root", ["testsuite", "coverage", "report"])
@pytest.mark.parametrize(
    "document",
    [
        "<!DOCTYPE d [" + LAUGH + "]><{root}>&a63;</{root}>",
        "<!DOCTYPE d [<!ENTITY a SYSTEM 'file:///etc/passwd'>]><{root}>&a;</{root}>",
        "<!DOCTYPE d [<!ENTITY % a SYSTEM 'http://127.0.0.1:9/x'> %a;]><{root}/>",
        "<?xml version='1.0' encoding='nothing'?><{root}/>",
    ],
    ids=["billion laughs", "external entity", "parameter entity", "encoding"],
)
@pytest.mark.parametrize("format_name", ["junit", "cobertura", "jacoco"])
def test_hostile_xml_is_refused(format_name: str, document: str, root: str) -> None:
    with pytest.raises(InvalidReport, match="uses XML entities or an unknown encoding"):
        read_report(format_name, document.replace("{root}", root).encode(), "r.xml")


def without_a_key(report: bytes, key: str) -> bytes:
    return report.replace(f'"{key}"'.encode(), b'"other"')


@pytest.mark.parametrize(
    ("format_name", "key"),
    [
        ("trivy", "VulnerabilityID"),
        ("gitleaks", "StartLine"),
        ("bandit", "test_id"),
        ("hadolint", "level"),
        ("pip-audit", "fix_versions"),
        ("npm-audit", "fixAvailable"),
        ("ecr", "vulnerabilityId"),
        ("sarif", "message"),
        ("coverage-py", "missing_lines"),
    ],
)
def test_an_entry_without_what_makes_it_one_is_refused_with_its_place(format_name: str, key: str) -> None:
    with pytest.raises(InvalidReport, match=rf"^r is not in its format \(.*{key}: field required\)"):
        read_report(format_name, without_a_key(WHOLE[format_name], key), "r")


@pytest.mark.parametrize(
    "report",
    [
        "SF:a.py\nDA:1,1\nend_of_record\nrubbish\n",
        "SF:a.py\nDA:one,1\nend_of_record\n",
        "SF:a.py\nDA:1\nend_of_record\n",
        "SF:a.py\nSF:b.py\nDA:1,1\nend_of_record\nDA:1,1\n",
        "DA:1,1\n",
    ],
)
def test_lines_that_are_no_tracefile_are_refused_by_number(report: str) -> None:
    with pytest.raises(InvalidReport, match=r"^r:\d+ is not a line of an LCOV tracefile"):
        read_report("lcov", report.encode(), "r")


def test_hits_of_a_file_with_several_records_are_added() -> None:
    report = b"TN:\nSF:./a.py\nDA:1,0\nDA:2,1,hash\nend_of_record\nSF:/checkout/a.py\nDA:1,2\nend_of_record\n"
    assert read_report("lcov", report, "r", roots=("/checkout", "acme.example/shop")) == coverage_of(
        {("a.py", 1): 2, ("a.py", 2): 1}
    )


@pytest.mark.parametrize(
    ("named", "path"),
    [
        ("file:///checkout/a%20b.py", "a b.py"),
        ("/checkout/x/../a.py", "a.py"),
        ("./a.py", "a.py"),
        ("x\\a.py", "x/a.py"),
        ("/checkout-2/a.py", "/checkout-2/a.py"),
        ("file:///etc/passwd", "/etc/passwd"),
        ("a%20b#c?d.py", "a%20b#c?d.py"),
        ("", ""),
    ],
)
def test_a_place_is_relative_to_the_repository_where_it_lies_in_it(named: str, path: str) -> None:
    assert relative_path(named, ("/link", "/checkout")) == path


def test_several_reports_of_a_check_are_joined() -> None:
    said = join([TestCount(passed=1), TestCount(passed=2), CALC, (), findings("bandit", "bandit.json")])
    assert said.tests == TestCount(passed=3)
    assert said.coverage == CALC
    assert said.findings is not None
    assert len(said.findings) == 4
    assert (join([]).findings, join([()]).findings) == (None, ())

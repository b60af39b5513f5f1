"""Reports are read as they are written by real tools, and refused where they are not complete."""

from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.domain.errors import InvalidReport
from tasks.domain.report import (
    MAX_BYTES,
    Coverage,
    SonarQubeAnalysis,
    TestCount,
    parse_cobertura,
    parse_junit,
    parse_report_task,
)

REPORTS = Path(__file__).parent.parent / "data" / "reports"


def test_counts_what_pytest_wrote() -> None:
    assert parse_junit((REPORTS / "junit.xml").read_bytes(), "junit.xml") == TestCount(
        passed=1,
        failed=1,
        errors=1,
        skipped=1,
        failures=(
            "test_calc.test_div_fail: assert 2.0 == 3",
            'test_calc.test_err: failed on setup with "RuntimeError: setup error"',
        ),
    )


def test_counts_the_cases_of_nested_suites_and_not_the_totals_in_the_attributes() -> None:
    report = b"""<testsuites tests="99" failures="0">
      <testsuite><testsuite><testcase name="a"/><testcase name="b"><failure message="no"/></testcase></testsuite>
      <testcase name="c"/></testsuite></testsuites>"""
    assert parse_junit(report, "r.xml") == TestCount(passed=2, failed=1, failures=("b: no",))


def test_takes_a_bare_suite_and_one_with_a_namespace() -> None:
    assert parse_junit(b"<testsuite><testcase name='a'/></testsuite>", "r.xml").passed == 1
    assert parse_junit(b"<testsuite xmlns='urn:x'><testcase name='a'/></testsuite>", "r.xml").passed == 1


def test_a_case_that_passed_on_a_second_try_is_flaky_and_one_that_never_passed_has_failed() -> None:
    report = b"""<testsuite><testcase name="a"><flakyFailure message="once"/></testcase>
      <testcase name="b"><failure message="ever"/><rerunFailure message="again"/></testcase></testsuite>"""
    assert parse_junit(report, "r.xml") == TestCount(passed=1, failed=1, flaky=1, failures=("b: ever",))


def test_a_case_with_a_failure_and_an_error_counts_once() -> None:
    report = b"<testsuite><testcase name='a'><failure message='f'/><error message='teardown'/></testcase></testsuite>"
    assert parse_junit(report, "r.xml") == TestCount(errors=1, failures=("a: teardown",))


def test_counts_the_lines_that_coverage_py_reported() -> None:
    assert parse_cobertura((REPORTS / "cobertura.xml").read_bytes(), "coverage.xml") == Coverage(7, 9)


def test_a_line_that_a_report_names_twice_counts_once_and_is_covered_if_it_ever_ran() -> None:
    report = b"""<!DOCTYPE coverage SYSTEM "http://cobertura.sourceforge.net/xml/coverage-04.dtd">
      <coverage><packages><package><classes>
      <class filename="A.java"><methods><method><lines><line number="1" hits="0"/></lines></method></methods>
        <lines><line number="1" hits="0"/><line number="2" hits="0"/></lines></class>
      <class filename="A.java"><lines><line number="1" hits="3"/></lines></class>
      </classes></package></packages></coverage>"""
    assert parse_cobertura(report, "coverage.xml") == Coverage(1, 2)


def test_coverage_is_compared_exactly_and_shown_rounded_down() -> None:
    almost = Coverage(15999, 20000)
    assert (almost.percent, almost.reaches(Decimal(80))) == (Decimal("79.99"), False)
    assert Coverage(4, 5).reaches(Decimal(80))
    assert Coverage(2, 3).reaches(Decimal("66.66"))
    assert not Coverage(2, 3).reaches(Decimal("66.67"))


@given(st.integers(1, 10**9).flatmap(lambda valid: st.tuples(st.integers(0, valid), st.just(valid))))
def test_the_shown_percentage_is_always_one_that_is_reached(counts: tuple[int, int]) -> None:
    coverage = Coverage(*counts)
    assert coverage.reaches(coverage.percent)
    assert not coverage.reaches(coverage.percent + Decimal("0.01"))


def test_reads_a_value_with_equals_signs_from_report_task() -> None:
    text = b"""projectKey=shop-api
serverUrl=http://sonar:9000
dashboardUrl=http://sonar:9000/dashboard?id=shop-api
ceTaskId=AY1
ceTaskUrl=http://sonar:9000/api/ce/task?id=AY1
"""
    expected = SonarQubeAnalysis("AY1", "shop-api", "http://sonar:9000/dashboard?id=shop-api")
    assert parse_report_task(text, "report-task.txt") == expected


@pytest.mark.parametrize(
    ("report", "says"),
    [
        (b"", "out/r.xml is empty"),
        (b" \n", "out/r.xml is empty"),
        (b"<testsuite><testcase name='a'/>", "out/r.xml is not a complete"),
        (b"not xml at all", "out/r.xml is not a complete"),
        (b"<html/>", "out/r.xml starts with <html>"),
        (b"x" * (MAX_BYTES + 1), "out/r.xml is larger than 25 MB"),
        (b"<!DOCTYPE d [<!ENTITY a 'aa'>]><testsuite>&a;</testsuite>", "out/r.xml uses XML entities"),
        (b"<!DOCTYPE d [<!ENTITY a SYSTEM 'file:///etc/passwd'>]><testsuite>&a;</testsuite>", "uses XML entities"),
        (b"<?xml version='1.0' encoding='nothing'?><testsuite/>", "out/r.xml"),
    ],
)
@pytest.mark.parametrize("parse", [parse_junit, parse_cobertura])
def test_refuses_what_is_not_a_whole_report_and_names_the_file(report: bytes, says: str, parse: object) -> None:
    with pytest.raises(InvalidReport) as refusal:
        parse(report, "out/r.xml")  # type: ignore[operator]
    assert says in str(refusal.value)


@pytest.mark.parametrize("cut", range(1, 100, 7))
def test_a_report_cut_anywhere_is_refused(cut: int) -> None:
    report = (REPORTS / "cobertura.xml").read_bytes()
    with pytest.raises(InvalidReport):
        parse_cobertura(report[: len(report) * cut // 100], "coverage.xml")


@pytest.mark.parametrize(
    "line", [b"<line number='1'/>", b"<line hits='1'/>", b"<line number='x' hits='1'/>", b"<line number='1' hits='?'/>"]
)
def test_refuses_lines_that_do_not_count(line: bytes) -> None:
    report = b"<coverage><class filename='a.py'><lines>" + line + b"</lines></class></coverage>"
    with pytest.raises(InvalidReport, match="without file, number or hits"):
        parse_cobertura(report, "coverage.xml")


def test_refuses_a_coverage_report_of_no_code() -> None:
    with pytest.raises(InvalidReport, match="names no line of code"):
        parse_cobertura(b"<coverage line-rate='1'/>", "coverage.xml")


def test_refuses_a_report_task_of_a_scanner_that_did_not_finish() -> None:
    with pytest.raises(InvalidReport, match="no ceTaskId"):
        parse_report_task(b"projectKey=shop-api\n", "report-task.txt")

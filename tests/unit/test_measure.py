"""Tests are counted and lines measured exactly, in whatever way reports name them."""

from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.domain.errors import InvalidReport
from tasks.domain.gates.measure import (
    Coverage,
    CoveredLines,
    FileCoverage,
    LineRange,
    TestCount,
    coverage_of,
    join_coverage,
)
from tasks.domain.reports.cobertura import parse_cobertura
from tasks.domain.reports.junit import parse_junit

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


def test_a_line_that_a_report_names_twice_counts_once_and_is_covered_if_it_ever_ran() -> None:
    report = b"""<!DOCTYPE coverage SYSTEM "http://cobertura.sourceforge.net/xml/coverage-04.dtd">
      <coverage><packages><package><classes>
      <class filename="A.java"><methods><method><lines><line number="1" hits="0"/></lines></method></methods>
        <lines><line number="1" hits="0"/><line number="2" hits="0"/></lines></class>
      <class filename="A.java"><lines><line number="1" hits="3"/></lines></class>
      </classes></package></packages></coverage>"""
    assert parse_cobertura(report, "coverage.xml") == Coverage(
        (FileCoverage("A.java", frozenset({1}), frozenset({2})),)
    )


def test_coverage_is_compared_exactly_and_shown_rounded_down() -> None:
    almost = CoveredLines(15999, 20000)
    assert (almost.percent, almost.reaches(Decimal(80))) == (Decimal("79.99"), False)
    assert CoveredLines(4, 5).reaches(Decimal(80))
    assert CoveredLines(2, 3).reaches(Decimal("66.66"))
    assert not CoveredLines(2, 3).reaches(Decimal("66.67"))


@given(st.integers(1, 10**9).flatmap(lambda valid: st.tuples(st.integers(0, valid), st.just(valid))))
def test_the_shown_percentage_is_always_one_that_is_reached(counts: tuple[int, int]) -> None:
    coverage = CoveredLines(*counts)
    assert coverage.reaches(coverage.percent)
    assert not coverage.reaches(coverage.percent + Decimal("0.01"))


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


@pytest.mark.parametrize(
    ("sources", "filename", "file"),
    [
        ([], "shop/prices.py", "shop/prices.py"),
        (["/checkout/shop"], "prices.py", "shop/prices.py"),
        (["."], "shop/prices.py", "shop/prices.py"),
        (["src"], "prices.py", "src/prices.py"),
        (["/checkout/shop", "/checkout/web"], "prices.py", "**/prices.py"),
        (["/somewhere/else"], "prices.py", "**/prices.py"),
        (["/somewhere/else"], "/checkout/shop/prices.py", "shop/prices.py"),
    ],
)
def test_a_file_is_named_from_the_repository_s_root_where_its_source_tells(
    sources: list[str], filename: str, file: str
) -> None:
    listed = "".join(f"<source>{source}</source>" for source in sources)
    report = f"""<coverage><sources>{listed}</sources><class filename="{filename}"><lines>
      <line number="1" hits="1"/></lines></class></coverage>"""
    [measured] = parse_cobertura(report.encode(), "coverage.xml", roots=("/checkout",)).files
    assert measured.file == file


def test_a_line_that_several_reports_measured_is_covered_where_any_saw_it_run() -> None:
    units = coverage_of({("a.py", 1): 1, ("a.py", 2): 0})
    stories = coverage_of({("a.py", 2): 1, ("a.py", 3): 0, ("b.py", 1): 0})
    assert join_coverage([units, stories]) == coverage_of(
        {("a.py", 1): 1, ("a.py", 2): 1, ("a.py", 3): 0, ("b.py", 1): 0}
    )


def test_only_changed_lines_that_were_measured_are_looked_at() -> None:
    coverage = coverage_of({("a.py", 1): 1, ("a.py", 2): 0, ("b.py", 1): 0})
    changed = {"a.py": frozenset({1, 2, 99}), "README.md": frozenset({1})}
    assert coverage.only(changed) == coverage_of({("a.py", 1): 1, ("a.py", 2): 0})
    assert coverage.only({"README.md": frozenset({1})}) is None


def test_missed_lines_that_follow_each_other_are_one_range() -> None:
    coverage = coverage_of({("b.py", 1): 0, **{("a.py", number): number == 4 for number in (1, 2, 4, 5, 7)}})
    assert coverage.missed == (
        LineRange("a.py", 1, 2), LineRange("a.py", 5, 5), LineRange("a.py", 7, 7), LineRange("b.py", 1, 1)
    )  # fmt: skip


def test_a_file_of_which_only_the_end_is_known_is_found_by_the_longest_end_that_fits() -> None:
    coverage = coverage_of({("**/shop/Prices.java", 1): 1, ("**/Prices.java", 1): 0, ("**/Other.java", 1): 0})
    changed = {"src/main/java/shop/Prices.java": frozenset({1}), "src/NotOther.java": frozenset({1})}
    part = coverage.only(changed)
    assert part is not None
    assert part.lines == CoveredLines(1, 1)


def test_a_file_whose_whole_name_is_known_is_not_another_one_that_ends_like_it() -> None:
    assert coverage_of({("prices.py", 1): 0}).only({"shop/prices.py": frozenset({1})}) is None

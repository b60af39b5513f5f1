"""What kept a check from doing its work is told from what speaks against the code, and only the first runs again."""

from typing import Any

import pytest

from tasks.domain.gates.check import Check, CouldNotRun, Reports
from tasks.domain.gates.checks import CheckOutcome, Ending, Exited, LimitHit, NotStarted, TimedOut, decide_check
from tasks.domain.gates.measure import TestCount
from tasks.domain.gates.stumble import Again, decide_again
from tasks.domain.gates.tries import Try

NETWORK, RED = Try("no network", could_not_run=True), Try("1 of 3 tests failed: a.", could_not_run=False)


def check(retries: int = 0, **more: Any) -> Check:
    return Check(command=("npm", "audit"), retries=retries, **more)


def outcome(ending: Ending | None = None, *tail: str, **more: Any) -> CheckOutcome:
    return CheckOutcome("audit", ending or Exited(1), tail=tail, **more)


@pytest.mark.parametrize(
    "ending",
    [Exited(-11), Exited(-9), Exited(139), Exited(134), Exited(69), Exited(75)],
)
def test_a_crash_and_the_codes_that_mean_so_are_tried_again_after_a_pause(ending: Exited) -> None:
    again = decide_again(check(), outcome(ending, "the last line"))
    assert again is not None
    assert (again.first.could_not_run, again.pause_seconds) == (True, 5)


@pytest.mark.parametrize(
    "printed",
    [
        "curl: (6) Could not resolve host: registry.example",
        "npm ERR! code ECONNRESET",
        "npm error code EAI_AGAIN",
        "dial tcp: lookup proxy.example: Temporary failure in name resolution",
        "net/http: TLS handshake timeout",
        "ReadTimeoutError: Read timed out. (read timeout=15)",
        "[Errno 111] Connection refused",
        "received status code 503 Service Unavailable from server",
    ],
)
def test_what_tools_print_of_the_network_is_known(printed: str) -> None:
    again = decide_again(check(), outcome(None, printed, "see the log"))
    assert again == Again(Try("`npm` ended with exit code 1: see the log", could_not_run=True), 5)


@pytest.mark.parametrize("printed", ["E501 line too long", "error: connection string is not set", "HTTP 404 Not Found"])
def test_what_speaks_against_the_code_is_not_tried_again(printed: str) -> None:
    assert decide_again(check(), outcome(None, printed)) is None


def test_a_scanner_that_ends_as_if_it_had_found_something_but_left_no_report_is_tried_again() -> None:
    audit = check(reports=Reports(pip_audit="audit.json"), exit_codes=(0, 1))
    printed = "ConnectionError: Failed to establish a new connection: Name or service not known"
    broken = outcome(Exited(1), printed, report_problem="audit.json was not written")
    again = decide_again(audit, broken)
    assert again is not None
    assert again.first.could_not_run
    # It ended well, and so it is its own doing that there is no report.
    assert decide_again(audit, outcome(Exited(0), printed, report_problem="audit.json was not written")) is None
    assert decide_again(audit, outcome(Exited(1), printed, findings=())) is None


def test_a_test_that_failed_has_failed_whatever_it_printed() -> None:
    tests = TestCount(passed=2, failed=1, failures=("a: Connection refused",))
    reports = Reports(junit="junit.xml")
    ran = outcome(None, "Connection refused", tests=tests)
    assert decide_again(check(reports=reports), ran) is None
    assert decide_again(check(1, reports=reports), ran) == Again(
        Try("1 of 3 tests failed: a: Connection refused.", could_not_run=False), 0
    )


@pytest.mark.parametrize("ending", [TimedOut(9), LimitHit("more than 1 MB of memory")])
def test_what_took_too_much_is_tried_again_only_where_that_is_wanted(ending: Ending) -> None:
    assert decide_again(check(), outcome(ending)) is None
    assert decide_again(check(1), outcome(ending)) is not None


def test_a_program_that_is_not_there_is_not_tried_again() -> None:
    assert decide_again(check(5), outcome(NotStarted("no."), "Connection refused")) is None


def test_what_passed_does_not_run_again() -> None:
    assert decide_again(check(5), outcome(Exited(0), "Connection refused, then tried again")) is None


@pytest.mark.parametrize(
    ("retries", "earlier", "runs"),
    [
        (0, (), True),
        (0, (NETWORK,), False),
        (1, (NETWORK,), True),
        (1, (NETWORK, NETWORK), False),
        (1, (RED,), True),
        (1, (RED, NETWORK), False),
    ],
)
def test_each_reason_has_its_own_number_of_tries(retries: int, earlier: tuple[Try, ...], runs: bool) -> None:
    assert (decide_again(check(retries), outcome(None, "ECONNRESET", earlier=earlier)) is not None) is runs


def test_tries_for_the_network_are_none_for_a_test() -> None:
    assert decide_again(check(0, could_not_run=CouldNotRun(retries=3)), outcome(None, "E501")) is None


def test_a_check_that_passed_in_the_end_says_what_came_before() -> None:
    assert decide_check(check(), outcome(Exited(0), seconds=1.0, earlier=(NETWORK,))).reason == (
        "Passed in 1.0 s. Passed on the 2nd try; the 1st could not run: no network."
    )
    assert decide_check(check(), outcome(Exited(0), seconds=1.0, earlier=(NETWORK, RED))).reason == (
        "Passed in 1.0 s. Flaky: passed on the 3rd try; the 1st could not run: no network;"
        " the 2nd failed: 1 of 3 tests failed: a."
    )


def test_a_check_that_failed_every_time_says_so() -> None:
    said = decide_check(check(), outcome(None, "E501", earlier=(Try("x" * 200, could_not_run=True),))).reason
    assert said == (f"`npm` ended with exit code 1: E501 (It ran 2 times; the 1st could not run: {'x' * 118} ….)")

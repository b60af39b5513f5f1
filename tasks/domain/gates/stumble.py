"""A check that could not do its work, which says nothing of the code: by how its command ended and what it printed."""

import re
import signal
from dataclasses import dataclass

from tasks.domain.gates.check import Check
from tasks.domain.gates.checks import CheckOutcome, Exited, NotStarted, problem_of
from tasks.domain.gates.tries import Try

# What tools print where the network failed them, and not the code that they look at.
_NETWORK = re.compile(
    r"could not resolve (host|proxy)|name resolution|name or service not known|getaddrinfo|\bEAI_AGAIN\b|\bENOTFOUND\b"
    r"|\bECONN(RESET|REFUSED|ABORTED)\b|\bETIMEDOUT\b|\bERR_SOCKET_TIMEOUT\b"
    r"|connection (reset|refused|timed out|aborted)"
    r"|network is unreachable|no route to host|(tls|ssl) handshake (timeout|failed)|i/o timeout|read timed out"
    r"|\b(429 too many requests|502 bad gateway|503 service unavailable|504 gateway time-?out)\b",
    re.IGNORECASE,
)
# A shell says of a program that a signal ended it: 128 and the signal (POSIX, Shell Command Language, 2.8.2).
_SHELL = 128
_CRASHES = frozenset({signal.SIGKILL, signal.SIGSEGV, signal.SIGBUS, signal.SIGABRT, signal.SIGILL, signal.SIGFPE})


@dataclass(frozen=True, slots=True)
class Again:
    """The check runs once more, after so many seconds; `first` is what came of this try."""

    first: Try
    pause_seconds: int


def decide_again(check: Check, outcome: CheckOutcome) -> Again | None:
    """Whether a check that failed runs once more; None where it does not, or has not failed.

    A program that is not there is not there the next time either.
    """
    problem = problem_of(check, outcome)
    if problem is None or isinstance(outcome.ending, NotStarted):
        return None
    tried = Try(problem, could_not_run(check, outcome))
    stumbled = sum(one.could_not_run for one in outcome.earlier)
    if tried.could_not_run and stumbled < check.could_not_run.retries:
        return Again(tried, check.could_not_run.pause_seconds)
    # What is left of those for a network that fails is none for a test that fails.
    used = len(outcome.earlier) - min(stumbled, check.could_not_run.retries)
    return Again(tried, 0) if used < check.retries else None


def could_not_run(check: Check, outcome: CheckOutcome) -> bool:
    """Whether the command ended for a reason outside the code: a crash, the network, or a code that means so.

    A test that failed is none, whatever it printed.
    """
    if not isinstance(outcome.ending, Exited) or (outcome.tests and outcome.tests.failures):
        return False
    code = outcome.ending.code
    # A scanner may end with the same code where it found something, which its report then says, and where it broke off.
    if code in check.exit_codes and not (code and outcome.report_problem):
        return False
    if code < 0 or code - _SHELL in _CRASHES or code in check.could_not_run.exit_codes:
        return True
    return any(_NETWORK.search(line) for line in outcome.tail)

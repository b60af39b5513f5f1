"""What the end of a command says of a release."""

from tasks.domain.delivery.post_deploy import CommandCheck
from tasks.domain.gates.checks import Ending, Exited, LimitHit, NotStarted, TimedOut
from tasks.domain.verdict import Verdict, failed, passed


def decide_command(name: str, check: CommandCheck, ending: Ending, tail: tuple[str, ...] = ()) -> Verdict:
    """Passed for exit code 0 only; `tail` are the last lines that it printed."""
    program = check.command[0]
    match ending:
        case NotStarted():
            return failed(f"{name}: `{program}` could not be started: {ending.reason}")
        case LimitHit(excess):
            return failed(f"{name}: `{program}` took {excess} and was killed")
        case TimedOut():
            return failed(f"{name}: `{program}` did not end within {ending.limit} s and was killed")
        case Exited(0):
            return passed(f"{name}: `{program}` ended with exit code 0")
        case Exited(code) if code < 0:
            return failed(f"{name}: `{program}` was ended by signal {-code}")
    last = next((line.strip() for line in reversed(tail) if line.strip()), "it printed nothing")
    return failed(f"{name}: `{program}` ended with exit code {ending.code}: {last}")

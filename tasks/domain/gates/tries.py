"""The tries of a check before the one that counts: whoever reads its verdict is told of each."""

from dataclasses import dataclass

_ORDINALS = {1: "1st", 2: "2nd", 3: "3rd"}
_SHOWN = 120


@dataclass(frozen=True, slots=True)
class Try:
    """How one try failed; `could_not_run` where that says nothing of the code."""

    reason: str
    could_not_run: bool


def say_passed_after(earlier: tuple[Try, ...]) -> str:
    """A sentence behind the praise of a check that passed; empty where it did at once."""
    if not earlier:
        return ""
    flaky = "" if all(one.could_not_run for one in earlier) else " Flaky:"
    word = "passed" if flaky else "Passed"
    return f"{flaky} {word} on the {ordinal(len(earlier) + 1)} try; {_list(earlier)}."


def say_failed_after(earlier: tuple[Try, ...]) -> str:
    """Behind the reason of a check that failed, itself a sentence or not; empty where it ran only once."""
    return f" (It ran {len(earlier) + 1} times; {_list(earlier)}.)" if earlier else ""


def ordinal(number: int) -> str:
    """`1st`, `2nd`, `3rd`, `4th`; good up to 20."""
    return _ORDINALS.get(number, f"{number}th")


def _list(earlier: tuple[Try, ...]) -> str:
    return "; ".join(
        f"the {ordinal(number)} {'could not run' if one.could_not_run else 'failed'}: {_short(one.reason)}"
        for number, one in enumerate(earlier, start=1)
    )


def _short(reason: str) -> str:
    text = reason.rstrip(".")
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 2]} …"

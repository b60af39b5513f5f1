"""Whether a metric kept its threshold, decided from the looks that were taken at it."""

import math
from dataclasses import dataclass
from itertools import dropwhile

from tasks.domain.delivery.post_deploy import PrometheusCheck
from tasks.domain.verdict import Verdict, failed, passed, pending


@dataclass(frozen=True, slots=True)
class Series:
    """One value of an answer, with the labels that tell it from the others; not a number where nothing was counted."""

    labels: str
    value: float


@dataclass(frozen=True, slots=True)
class Look:
    """One answer: its values, what the server warned about, and in `problem` why there is no answer at all."""

    series: tuple[Series, ...] = ()
    warnings: tuple[str, ...] = ()
    problem: str = ""


def looks_of(check: PrometheusCheck) -> int:
    """How many looks the window has: one at its start, and one after each pause that fits into it."""
    return check.for_seconds // check.every_seconds + 1


def decide_metric(name: str, check: PrometheusCheck, looks: tuple[Look, ...]) -> Verdict:
    """Failed as soon as more looks than allowed are bad, pending until the window is over, and else passed.

    The last look of the window has to be a good one: what ends broken is not called good for how it began. Looks before
    the first value do not count: the metrics of pods that have just started are not there yet.
    """
    is_over = len(looks) >= looks_of(check)
    counting = tuple(dropwhile(_is_silent, looks))
    if not counting and not is_over:
        return pending(f"{name}: Prometheus has no value for it yet")
    verdicts = [judge_look(check, look) for look in counting or looks[-1:]]
    last, bad = verdicts[-1], [verdict for verdict in verdicts if verdict.has_failed]
    of = f"{len(verdicts)} look{'s' if len(verdicts) != 1 else ''}{_warned(looks)}"
    if len(bad) > check.allowed_failures:
        return failed(f"{name}: {bad[-1].reason}, in {len(bad)} of {of}")
    if not is_over:
        return pending(f"{name}: {last.reason}{_warned(looks)}")
    if last.has_failed:
        return failed(f"{name}: {last.reason} in the last of {of}")
    return passed(f"{name}: {last.reason}, in {len(verdicts) - len(bad)} of {of}")


def _is_silent(look: Look) -> bool:
    return not look.problem and all(math.isnan(series.value) for series in look.series)


def judge_look(check: PrometheusCheck, look: Look) -> Verdict:
    """One look by itself; a missing value is what the configuration says of it, a missing answer never a yes."""
    if look.problem:
        return failed(look.problem)
    numbers = [series for series in look.series if not math.isnan(series.value)]
    if len(numbers) < len(look.series) or not numbers:
        # 0/0, as an error rate without any request, is not a number.
        sentence = "Prometheus has no value for it" if not look.series else "its value is not a number"
        if check.empty_is == "failed":
            return failed(sentence)
        if not numbers:
            return passed(f"{sentence}, which counts as good")
    if check.at_most is not None:
        worst = max(numbers, key=lambda series: series.value)
        if worst.value > check.at_most:
            return failed(f"{_shown(worst)} is more than {check.at_most:g}")
    if check.at_least is not None:
        worst = min(numbers, key=lambda series: series.value)
        if worst.value < check.at_least:
            return failed(f"{_shown(worst)} is less than {check.at_least:g}")
    return passed(_within(check, numbers))


def _within(check: PrometheusCheck, numbers: list[Series]) -> str:
    if check.at_most is None:
        return f"{_shown(min(numbers, key=lambda series: series.value))} is at least {check.at_least:g}"
    highest = _shown(max(numbers, key=lambda series: series.value))
    also = f" and at least {check.at_least:g}" if check.at_least is not None else ""
    return f"{highest} is at most {check.at_most:g}{also}"


def _shown(series: Series) -> str:
    return f"{series.value:.6g}" + (f" of {series.labels}" if series.labels else "")


def _warned(looks: tuple[Look, ...]) -> str:
    warnings = dict.fromkeys(warning for look in looks for warning in look.warnings)
    return f" (Prometheus warns: {'; '.join(warnings)})" if warnings else ""

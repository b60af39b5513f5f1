"""A metric keeps its threshold or does not: decided from the looks alone."""

import math

import pytest

from tasks.domain.delivery.post_deploy import PrometheusCheck
from tasks.domain.errors import ConfigurationError
from tasks.domain.post_deploy.answer import read_answer, read_error
from tasks.domain.post_deploy.metric import Look, Series, decide_metric, looks_of
from tasks.domain.verdict import failed, passed, pending

NAN = math.nan


def check(**changes: object) -> PrometheusCheck:
    window = {"query": "errors", "at_most": 0.01, "for_seconds": 2, "every_seconds": 1}
    return PrometheusCheck.model_validate(window | changes)


def look(*values: float) -> Look:
    return Look(tuple(Series("", value) for value in values))


def test_a_window_has_a_look_at_its_start_and_one_after_each_pause() -> None:
    assert [looks_of(check(for_seconds=seconds, every_seconds=15)) for seconds in (0, 14, 15, 60)] == [1, 1, 2, 5]


def test_a_metric_that_keeps_its_threshold_to_the_end_has_passed() -> None:
    looks = (look(0.002), look(0.0), look(0.01))
    assert decide_metric("errors", check(), looks) == passed("errors: 0.01 is at most 0.01, in 3 of 3 looks")


def test_before_the_end_of_the_window_nothing_has_passed() -> None:
    assert decide_metric("errors", check(), (look(0.0), look(0.0))) == pending("errors: 0 is at most 0.01")


def test_a_broken_threshold_fails_at_once() -> None:
    assert decide_metric("errors", check(), (look(0.0), look(0.25))) == failed(
        "errors: 0.25 is more than 0.01, in 1 of 2 looks"
    )


def test_as_many_bad_looks_as_allowed_are_put_up_with() -> None:
    once = check(allowed_failures=1)
    assert decide_metric("errors", once, (look(0.25), look(0.0), look(0.0))).has_passed
    assert decide_metric("errors", once, (look(0.25), look(0.25))).has_failed


def test_what_ends_broken_has_failed_however_much_is_allowed() -> None:
    verdict = decide_metric("errors", check(allowed_failures=5), (look(0.0), look(0.0), look(0.25)))
    assert verdict == failed("errors: 0.25 is more than 0.01 in the last of 3 looks")


def test_the_worst_of_all_series_decides_and_is_named() -> None:
    series = Look((Series("pod=a", 0.0), Series("pod=b", 0.5)))
    assert decide_metric("errors", check(), (series,)) == failed(
        "errors: 0.5 of pod=b is more than 0.01, in 1 of 1 look"
    )


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [(look(), "Prometheus has no value for it"), (look(NAN), "its value is not a number")],
)
def test_a_missing_value_is_a_no_unless_it_is_said_to_be_a_yes(answer: Look, sentence: str) -> None:
    at_once = {"for_seconds": 0}
    assert decide_metric("errors", check(**at_once), (answer,)) == failed(f"errors: {sentence}, in 1 of 1 look")
    lenient = check(**at_once, empty_is="passed")
    assert decide_metric("errors", lenient, (answer,)) == passed(
        f"errors: {sentence}, which counts as good, in 1 of 1 look"
    )


def test_one_series_that_is_not_a_number_among_others_is_a_no() -> None:
    assert decide_metric("errors", check(for_seconds=0), (look(0.0, NAN),)).has_failed


def test_before_the_first_value_of_new_pods_nothing_has_failed_but_in_the_end_it_has() -> None:
    assert decide_metric("errors", check(), (look(), look(NAN))) == pending(
        "errors: Prometheus has no value for it yet"
    )
    assert decide_metric("errors", check(), (look(), look(NAN), look(0.0))).has_passed
    assert decide_metric("errors", check(), (look(), look(), look())).has_failed
    assert decide_metric("errors", check(), (look(0.0), look())).has_failed


def test_no_answer_is_a_no_whatever_an_empty_one_means() -> None:
    silent = Look(problem="Prometheus at http://here does not answer (ConnectError)")
    assert decide_metric("errors", check(empty_is="passed"), (silent,)) == failed(
        "errors: Prometheus at http://here does not answer (ConnectError), in 1 of 1 look"
    )


@pytest.mark.parametrize(("value", "is_good"), [(0.94, False), (0.95, True), (0.99, True), (0.991, False)])
def test_a_threshold_may_have_two_sides(value: float, is_good: bool) -> None:
    both = check(at_least=0.95, at_most=0.99, for_seconds=0)
    assert decide_metric("share", both, (look(value),)).has_passed is is_good


def test_infinity_breaks_a_highest_value() -> None:
    assert decide_metric("latency", check(for_seconds=0), (look(math.inf),)) == failed(
        "latency: inf is more than 0.01, in 1 of 1 look"
    )


def test_warnings_are_told_once() -> None:
    warned = Look((Series("", 0.0),), ("partial response",))
    verdict = decide_metric("errors", check(for_seconds=1), (warned, warned))
    assert verdict.reason == "errors: 0 is at most 0.01, in 2 of 2 looks (Prometheus warns: partial response)"


def test_scalars_and_vectors_are_read() -> None:
    scalar = {"status": "success", "data": {"resultType": "scalar", "result": [1700000000.1, "0.5"]}}
    assert read_answer(scalar) == Look((Series("", 0.5),))
    vector = {
        "status": "success",
        "warnings": ["half of\nit"],
        "data": {
            "resultType": "vector",
            "result": [{"metric": {"__name__": "up", "pod": "b", "job": "a"}, "value": [1, "NaN"]}],
        },
    }
    read = read_answer(vector)
    assert (read.series[0].labels, math.isnan(read.series[0].value)) == ("job=a, pod=b", True)
    assert read.warnings == ("half of it",)


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        (None, "not Prometheus's"),
        ({"data": {"resultType": "matrix", "result": []}}, "a matrix, not numbers of this moment"),
        ({"data": {"resultType": "vector", "result": [{"metric": {}, "histogram": [1, {}]}]}}, "a histogram"),
    ],
)
def test_what_is_no_number_is_a_mistake_in_the_configuration(body: object, sentence: str) -> None:
    with pytest.raises(ConfigurationError, match=sentence):
        read_answer(body)


def test_an_error_without_words_is_told_by_its_status() -> None:
    assert read_error({"status": "error", "error": "bad\nquery"}, 400) == "bad query"
    assert read_error(None, 502) == "status 502"

"""What broke is told once, and once more when it holds again."""

from tasks.domain.post_deploy.watch import Watched, changes_between, read_rows, rows_of, sum_up
from tasks.domain.verdict import Verdict, failed, passed, pending

GOOD, BAD, BUSY = passed("runs it"), failed("answers 503"), pending("it is being changed")


def told(*verdicts: Verdict) -> list[list[str]]:
    """What is told at each of several looks, one after another."""
    before, all_told = read_rows([]), []
    for verdict in verdicts:
        now = [Watched("shop-api", "staging", verdict)]
        all_told.append([change.sentence for change in changes_between(before, now)])
        before = read_rows(rows_of(now, before))
    return all_told


def test_what_holds_is_not_told() -> None:
    assert told(GOOD, GOOD, BUSY, GOOD) == [[], [], [], []]


def test_what_broke_is_told_once_until_it_holds_again() -> None:
    broken = ["shop-api in staging is not verified any more: answers 503"]
    assert told(GOOD, BAD, BAD, GOOD, BAD) == [
        [],
        broken,
        [],
        ["shop-api in staging is verified again: runs it"],
        broken,
    ]


def test_what_is_not_known_for_a_while_is_not_forgotten() -> None:
    assert told(BAD, BUSY, BAD)[1:] == [[], []]
    assert told(BAD, BUSY, GOOD)[2] == ["shop-api in staging is verified again: runs it"]


def test_the_sentence_names_what_broke() -> None:
    now = [Watched("shop-api", "staging", BAD), Watched("shop-api", "production", GOOD)]
    assert sum_up(now) == "not verified any more: shop-api in staging; nothing goes on from there until it is"
    assert sum_up(now[1:]) == "1 place still verified, 0 not known"

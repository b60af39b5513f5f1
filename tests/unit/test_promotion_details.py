"""The small rules of a promotion, one by one: what breaking a single condition must not leave unseen."""

from tasks.domain.promotion.history import Change, last_healthy_before, promotion_message, quarantined

COMMIT = "1a2b3c4" + "0" * 33
A, B, C = (f"sha256:{letter * 64}" for letter in "abc")


def change(digest: str = A, **fields: object) -> Change:
    plain: dict[str, object] = {"application": "shop-api", "environment": "production", "source_commit": COMMIT}
    return Change(**(plain | {"digest": digest} | fields))  # type: ignore[arg-type]


def test_a_digest_that_worked_once_counts_for_that_time_though_it_did_not_work_the_next() -> None:
    again = (change(C, replaced_unhealthy=B), change(B), change(A), change(B))
    assert last_healthy_before(again, C) == change(A)
    assert last_healthy_before(again, A) == change(B)


def test_the_end_of_a_quarantine_is_no_time_at_which_the_digest_ran() -> None:
    ended = change(B, source_commit="", clears_quarantine=True)
    seen = (change(C, replaced_unhealthy=B), ended, change(B), change(A))
    assert last_healthy_before(seen, C) == change(A)


def test_changes_together_without_a_release_are_several_applications() -> None:
    both = promotion_message(change(), change(B, application="shop-web"))
    assert both.startswith("Promote several applications to production: shop-api 1a2b3c4, shop-web 1a2b3c4\n")


def test_a_quarantine_names_the_commit_that_began_it_where_there_is_one() -> None:
    back = change(A, rollback_of=B)
    told = [quarantined((one,))[B] for one in (back, change(A, rollback_of=B, revision="9" * 40))]
    assert " by commit" not in told[0]
    assert " by commit 9999999" in told[1]

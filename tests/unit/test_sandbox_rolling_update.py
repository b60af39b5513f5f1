"""The steps of a rolling update, decided from numbers alone."""

from hypothesis import given
from hypothesis import strategies as some

from deployments.sandbox.cluster.deployment import Replicas, next_sizes


def replica_set(name: str) -> some.SearchStrategy[Replicas]:
    pairs = some.integers(0, 6).flatmap(lambda wanted: some.tuples(some.just(wanted), some.integers(0, wanted)))
    return pairs.map(lambda pair: Replicas(name, *pair))


def test_the_new_one_starts_before_the_old_one_goes() -> None:
    assert next_sizes(1, 1, Replicas("new", 0, 0), [Replicas("old", 1, 1)]) == {"new": 1}


def test_the_old_one_stays_while_the_new_one_is_not_ready() -> None:
    assert next_sizes(1, 1, Replicas("new", 1, 0), [Replicas("old", 1, 1)]) == {}


def test_the_old_one_goes_when_the_new_one_is_ready() -> None:
    assert next_sizes(1, 1, Replicas("new", 1, 1), [Replicas("old", 1, 1)]) == {"old": 0}


def test_pods_of_a_failed_release_make_room_for_the_next_one() -> None:
    old = [Replicas("good", 1, 1), Replicas("bad", 1, 0)]

    assert next_sizes(1, 1, Replicas("new", 0, 0), old) == {"bad": 0}


def test_scaling_down_needs_no_rollout() -> None:
    assert next_sizes(1, 1, Replicas("new", 3, 3), []) == {"new": 1}


@given(some.integers(0, 5), some.integers(1, 3), replica_set("new"), some.tuples(replica_set("a"), replica_set("b")))
def test_no_step_takes_ready_pods_below_what_is_wanted(
    replicas: int, surge: int, new: Replicas, old: tuple[Replicas, Replicas]
) -> None:
    sizes = next_sizes(replicas, surge, new, list(old))

    before = new.ready + sum(each.ready for each in old)
    # Pods that are not ready go first within each ReplicaSet.
    after = sum(min(each.ready, sizes.get(each.name, each.wanted)) for each in (new, *old))
    assert after >= min(before, replicas)


@given(some.integers(0, 5), some.integers(1, 3), replica_set("new"), some.tuples(replica_set("a"), replica_set("b")))
def test_pods_that_become_ready_bring_the_rollout_to_its_end(
    replicas: int, surge: int, new: Replicas, old: tuple[Replicas, Replicas]
) -> None:
    everyone = {each.name: each for each in (new, *old)}
    for _ in range(40):
        sizes = next_sizes(replicas, surge, everyone["new"], [everyone["a"], everyone["b"]])
        everyone |= {name: Replicas(name, size, min(everyone[name].ready, size)) for name, size in sizes.items()}
        assert sum(each.wanted for each in everyone.values()) <= max(
            replicas + surge, new.wanted + sum(each.wanted for each in old)
        )
        ready = everyone["new"]
        everyone["new"] = Replicas("new", ready.wanted, ready.wanted)

    assert {name: each.wanted for name, each in everyone.items()} == {"new": replicas, "a": 0, "b": 0}

"""Whether enough people have approved: so many in all, and for each role so many of its own."""

from collections.abc import Sequence

from tasks.domain.approval.person import Person
from tasks.domain.delivery.approval import ApprovalPolicy


def find_missing(policy: ApprovalPolicy, people: Sequence[Person]) -> tuple[str, ...]:
    """Who else is needed besides these different people, in words; empty where they are enough.

    Each person stands for one role at most, for the one where they help most.
    """
    places = [name for name, role in policy.roles.items() for _ in range(role.required)]
    filled = _fill(policy, places, people)
    empty = [place for index, place in enumerate(places) if index not in filled]
    words = [
        f"{empty.count(name)} of {name} ({', '.join(policy.roles[name].approvers)})" for name in dict.fromkeys(empty)
    ]
    more = policy.required - len(people) - len(empty)
    if more > 0:
        whom = f" of {', '.join(policy.named)}" if policy.named else ""
        words.append(f"{more} more{whom}")
    return tuple(words)


def _fill(policy: ApprovalPolicy, places: Sequence[str], people: Sequence[Person]) -> dict[int, int]:
    """Place -> person, as many as can be (augmenting paths in a bipartite graph)."""
    filled: dict[int, int] = {}

    def seat(person: int, tried: set[int]) -> bool:
        for place, name in enumerate(places):
            if place in tried or not people[person].is_among(policy.roles[name].approvers):
                continue
            tried.add(place)
            if place not in filled or seat(filled[place], tried):
                filled[place] = person
                return True
        return False

    for person in range(len(people)):
        seat(person, set())
    return filled

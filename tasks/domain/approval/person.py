"""Who gave an answer, how that is known, and when two names are the same person's."""

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass

from tasks.domain.delivery.approval import Identity

# What would let a name say something about its own proof, or pass for a second name, where it stands in a list.
_PUNCTUATION = re.compile(r"[(),;<>\[\]]+")


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who answered; `aliases` are other names that are known of them, `teams` those of the policy they are in.

    `login` is the GitHub account by which the teams are looked up. With Identity.CLAIMED everything is only what was
    typed into the form.
    """

    name: str
    proof: Identity = Identity.CLAIMED
    aliases: frozenset[str] = frozenset()
    teams: frozenset[str] = frozenset()
    login: str = ""

    @property
    def keys(self) -> frozenset[str]:
        """Every name in the form in which names are compared."""
        return fold_names((self.name, *self.aliases))

    @property
    def words(self) -> str:
        """As every record shows them: the name, and how it is known."""
        return f"{shown_name(self.name)} ({self.proof.words})"

    def is_among(self, names: Iterable[str]) -> bool:
        """Whether one of the names is theirs, or one of the teams holds them."""
        listed = fold_names(names)
        # Nobody is a team by bearing its name.
        return any((name in fold_names(self.teams)) if "/" in name else (name in self.keys) for name in listed)

    def is_same(self, other: "Person") -> bool:
        """Whether both have a name in common."""
        return bool(self.keys & other.keys)


def fold_names(names: Iterable[str]) -> frozenset[str]:
    """The names as they are compared: without case, double blanks and other ways to write the same letters."""
    return frozenset(folded for name in names if (folded := _folded(name)))


def shown_name(name: str) -> str:
    """One line without marks that could say more than a name."""
    return " ".join(_PUNCTUATION.sub(" ", name).split())


def _folded(name: str) -> str:
    # Invisible marks would make two people of one.
    visible = "".join(mark for mark in unicodedata.normalize("NFKC", name) if unicodedata.category(mark) != "Cf")
    return " ".join(visible.casefold().split())

"""A release candidate: one commit, the one image built from it, and the evidence for it. It never changes."""

from dataclasses import dataclass

from tasks.domain.errors import ConfigurationError
from tasks.domain.gates.gate import GateResult
from tasks.domain.image import COMMIT, ImageReference


@dataclass(frozen=True, slots=True)
class Proven:
    """By which key an image is signed, who built it, and how many packages its SBOM lists (None: it has no SBOM)."""

    key: str
    builder: str
    packages: int | None


@dataclass(frozen=True, slots=True)
class ReleaseCandidate:
    """What is promoted, unchanged, from the first environment to the last.

    Raises ConfigurationError where the commit is not a full SHA or the image carries no digest.
    """

    application: str
    commit: str
    image: ImageReference
    author: str = ""
    subject: str = ""
    gates: tuple[GateResult, ...] = ()
    proof: Proven | None = None

    def __post_init__(self) -> None:
        if not COMMIT.fullmatch(self.commit):
            raise ConfigurationError(f"commit {self.commit!r} is not a full SHA; give all 40 hexadecimal digits")
        if self.image.digest is None:
            raise ConfigurationError(f"image {self.image} has no digest; a candidate is promoted by digest only")

    @property
    def name(self) -> str:
        """How people call it: the application and the short commit."""
        return f"{self.application} {self.commit[:7]}"

    @property
    def digest(self) -> str:
        """The identity: the same in every environment."""
        return self.image.digest or ""


@dataclass(frozen=True, slots=True)
class CandidateSet:
    """Candidates that go together or not at all, one of each application, under the name of their release."""

    release: str
    candidates: tuple[ReleaseCandidate, ...]

    @property
    def name(self) -> str:
        """How people call it."""
        return f"release {self.release} ({', '.join(candidate.name for candidate in self.candidates)})"

    @property
    def digest(self) -> str:
        """The identity: the digests of all, in the order of the applications' names."""
        return ", ".join(one.digest for one in sorted(self.candidates, key=lambda one: one.application))


# What one decision is about.
Promotable = ReleaseCandidate | CandidateSet

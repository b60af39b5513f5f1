"""How fast the cluster goes; the pauses are short by default, because nobody learns anything from waiting."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """All in seconds."""

    tick: float = 0.05
    """Between two looks at a process, its due probes and the faults."""
    back_off: float = 1.0
    """Before the second restart of a container and the second pull of an image (10 in Kubernetes); doubles."""
    longest_back_off: float = 15.0
    """What the back-off never exceeds (300 in Kubernetes)."""
    longest_grace: float = 3.0
    """The most of terminationGracePeriodSeconds that a process gets to end by itself."""

    def back_off_after(self, failures: int) -> float:
        """The pause after so many failures in a row: none after the first, as Kubernetes restarts at once then."""
        return min(self.back_off * 2 ** min(failures - 2, 30), self.longest_back_off) if failures > 1 else 0.0

"""How fast the stand-in's loops go; quick by default, because nobody learns anything from waiting."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """All in seconds. A real Argo CD compares every 120 to 180 seconds and answers webhooks within a few."""

    comparison_poll: float = 2.0
    """Between two looks at the GitOps repository when nothing asks for one."""
    reaction: float = 0.05
    """From a refresh, a webhook or a change in the cluster to the comparison that it asked for."""
    health_lag: float = 0.2
    """From a change in the cluster being compared to the health that follows from it."""
    operation_takes: float = 0.15
    """From an operation's start to its first change, and again from its last change to its end."""
    after_operation: float = 0.1
    """From an operation's end to the comparison that follows it."""
    retry_scale: float = 0.1
    """What the back-offs of retries and of self-healing are multiplied with; 1 is the real thing."""
    repository_grace: float = 5.0
    """For how long a background comparison keeps the last good result when git fails (180 in a real one)."""
    keep_alive: float = 15.0
    """Between two comment lines on an event stream."""

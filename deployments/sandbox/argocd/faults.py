"""What a test or a scenario switches on to make the stand-in behave like Argo CD on a bad day."""

from collections import deque
from dataclasses import dataclass, field


@dataclass(slots=True)
class ApplicationFaults:
    """The faults of one Application; each is off by default and may be switched while everything runs."""

    dropped_refreshes: int = 0
    """So many of the next refreshes end without a comparison: they answer with the old revision (argo-cd#28306)."""
    refresh_hangs: bool = False
    """Refreshes do not end while this is set; the background comparison goes on (argo-cd#21613)."""
    stalled: bool = False
    """Nothing is compared at all while this is set."""
    render_from: str | None = None
    """The commit whose manifests are rendered whatever the revision; the label is the right one (argo-cd#26530)."""
    comparison_errors: int = 0
    """So many of the next comparisons with git fail; -1 for ever."""
    failing_hydration: str | None = None
    """What the commit server says instead of hydrating."""
    hydrator_sleeps: bool = False
    """Nothing is hydrated while this is set."""
    failing_syncs: int = 0
    """So many of the next attempts to apply fail, retries included; -1 for ever."""
    sync_failure: str = "admission webhook denied the request"
    """What the failing attempts say."""
    skipped_auto_syncs: int = 0
    """So many of the next comparisons that should start a sync start none (argo-cd#27875); -1 for ever."""
    sync_window_denies: bool = False
    """A window that denies every sync is active while this is set."""
    health_lag: float = 0.0
    """For so many seconds after an operation the health stays what it was before."""
    degraded: bool = False
    """The application reads Degraded while this is set."""
    degraded_flap: float = 0.0
    """For so many seconds after an operation the application reads Degraded, then what it is."""
    flapping: float = 0.0
    """While this is set the application reads Degraded for so many seconds, then what it is, and so on."""


@dataclass(slots=True)
class Faults:
    """The server's own faults, and those of each Application by its name."""

    statuses: deque[int] = field(default_factory=deque)
    """The status codes that the next requests below /api/v1 are answered with, as an ingress would."""
    stream_ends_after: int | None = None
    """Every event stream is cut after so many events."""
    lacks_actions_v2: bool = False
    """The newer endpoint for resource actions is not there, as before 3.1."""
    stream_error: str | None = None
    """Every event stream ends with this error in band, after the events that `stream_ends_after` lets through."""
    stream_status: int | None = None
    """Event streams are refused with this status."""
    stream_is_held_back: bool = False
    """Something in front buffers the streams: nothing of them arrives."""
    stream_loses_changes: bool = False
    """Streams tell what is there when they begin and lose every change after it, as for a slow reader."""
    _applications: dict[str, ApplicationFaults] = field(default_factory=dict)

    def of(self, application: str) -> ApplicationFaults:
        """The switches of one Application, there before the Application is."""
        return self._applications.setdefault(application, ApplicationFaults())


def spend(count: int) -> tuple[bool, int]:
    """Whether a counted fault strikes now, and what is left of it; a negative count never runs out."""
    return count != 0, count - 1 if count > 0 else count

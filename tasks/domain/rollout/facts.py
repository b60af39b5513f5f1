"""What is asked of a rollout and what one look at Argo CD shows; decided on in tasks.domain.rollout.decision."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from tasks.domain.delivery.rollout import MustBeSynced, RolloutTimeouts
from tasks.domain.errors import ConfigurationError
from tasks.domain.image import COMMIT, ImageReference
from tasks.domain.rollout.sync_window import ClosedWindow


class Sync(StrEnum):
    """Whether the live objects equal the rendered ones, as Argo CD last compared them."""

    SYNCED = "Synced"
    OUT_OF_SYNC = "OutOfSync"
    UNKNOWN = "Unknown"


class Health(StrEnum):
    """How an application is, from best to worst."""

    HEALTHY = "Healthy"
    SUSPENDED = "Suspended"
    PROGRESSING = "Progressing"
    MISSING = "Missing"
    DEGRADED = "Degraded"
    UNKNOWN = "Unknown"


class Phase(StrEnum):
    """Where a sync operation is; only the last three are ends, whatever its finish time says."""

    REQUESTED = "Requested"
    RUNNING = "Running"
    TERMINATING = "Terminating"
    SUCCEEDED = "Succeeded"
    FAILED = "Failed"
    ERROR = "Error"


@dataclass(frozen=True, slots=True)
class Expectation:
    """One change of desired state whose rollout is waited for; raises ConfigurationError where a part is loose."""

    environment: str
    revision: str
    image: ImageReference
    pushed_at: datetime
    repository: str
    branch: str
    timeouts: RolloutTimeouts
    must_be_synced: MustBeSynced = "application"

    def __post_init__(self) -> None:
        if not COMMIT.fullmatch(self.revision):
            raise ConfigurationError(f"{self.revision!r} is not a full SHA; give the commit that is on the branch")
        if self.image.digest is None:
            raise ConfigurationError(f"image {self.image} has no digest; a rollout is confirmed by digest only")
        if self.pushed_at.tzinfo is None:
            raise ConfigurationError("the time of the push has no time zone; give one, such as UTC")


@dataclass(frozen=True, slots=True)
class Operation:
    """The sync operation that Argo CD runs now or ran last."""

    phase: Phase
    revision: str | None = None
    message: str = ""
    started_at: datetime | None = None
    finished_at: datetime | None = None
    retries: int = 0
    failures: tuple[str, ...] = ()

    @property
    def is_over(self) -> bool:
        """Whether it has ended; a finish time alone does not say so, for it is also set between two retries."""
        return self.phase in {Phase.SUCCEEDED, Phase.FAILED, Phase.ERROR}

    @property
    def is_blocked(self) -> bool:
        """Whether it has begun, and a sync window keeps it back."""
        return not self.is_over and "blocked by sync window" in self.message

    @property
    def has_failed(self) -> bool:
        """Whether it has ended without applying everything."""
        return self.phase in {Phase.FAILED, Phase.ERROR}


@dataclass(frozen=True, slots=True)
class Condition:
    """An entry of the application's conditions, such as a ComparisonError."""

    type: str
    message: str
    since: datetime | None = None

    @property
    def is_error(self) -> bool:
        """Whether it stands for something broken; the others are warnings."""
        return self.type.endswith("Error")

    @property
    def is_render_error(self) -> bool:
        """Whether Argo CD cannot work out what should run."""
        return self.type in {"ComparisonError", "InvalidSpecError", "UnknownError", "HydrationError"}


@dataclass(frozen=True, slots=True)
class OutOfSync:
    """An object of the application that is not live as git has it; one to be pruned is live and no longer in git."""

    name: str
    to_prune: bool = False


@dataclass(frozen=True, slots=True)
class ApplicationStatus:
    """What the Application object says; `revision` is that of our source and None while it is not a SHA."""

    revision: str | None
    sync: Sync
    health: Health
    auto_sync: bool
    health_message: str = ""
    health_since: datetime | None = None
    reconciled_at: datetime | None = None
    operation: Operation | None = None
    conditions: tuple[Condition, ...] = ()
    unhealthy: tuple[str, ...] = ()
    out_of_sync: tuple[OutOfSync, ...] = ()
    owned_by_application_set: bool = False
    skips_reconciliation: bool = False
    syncs_head: bool = False
    """Whether what is synced is not our commit itself, but the newest of another branch or repository."""
    note: str = ""
    """What is still to happen before Argo CD can see a commit, as a half sentence."""
    position: int | None = None
    """Our source's position among several, counted from 1; None where there is one source."""


PULL_REASONS = frozenset({"ImagePullBackOff", "ErrImagePull", "InvalidImageName", "ErrImageNeverPull"})
CRASH_REASONS = frozenset({"CrashLoopBackOff", "RunContainerError"})
_FAILING_REASONS = PULL_REASONS | CRASH_REASONS | {"CreateContainerConfigError", "CreateContainerError"}


@dataclass(frozen=True, slots=True)
class Pod:
    """A pod as the resource tree shows it; `is_current` is false for those of an older ReplicaSet.

    `stands_by`: blue-green has switched away from it and keeps it for a quick way back; nobody is sent to it.
    """

    name: str
    images: tuple[ImageReference, ...] = ()
    reason: str = "Running"
    health: Health = Health.HEALTHY
    restarts: int = 0
    message: str = ""
    is_current: bool = True
    of_job: bool = False
    stands_by: bool = False
    namespace: str = ""

    @property
    def bare_reason(self) -> str:
        """The reason, whether it is an init container's or not."""
        return self.reason.removeprefix("Init:")

    @property
    def is_failing(self) -> bool:
        """Whether it cannot start; a pod that is slow is not failing."""
        return self.bare_reason in _FAILING_REASONS

    @property
    def is_mute(self) -> bool:
        """Whether it waits for something that the resource tree does not name."""
        waits = self.is_failing or self.reason == "Pending" or self.reason.startswith("Init:")
        return waits and not self.message


@dataclass(frozen=True, slots=True)
class Workloads:
    """The images that are rendered and that live objects name, and the pods that run."""

    desired: tuple[ImageReference, ...] = ()
    live: tuple[ImageReference, ...] = ()
    pods: tuple[Pod, ...] = ()
    images_of: tuple[tuple[str, tuple[ImageReference, ...]], ...] = ()
    """Each rendered object that names images, with them."""


@dataclass(frozen=True, slots=True)
class Observation:
    """One look. `contains`: is our commit part of the observed revision; None where that cannot be told.

    `superseded_by` is the image that the observed revision wants instead of ours. `workloads` is None where they were
    not looked at, because the revision is not ours yet.
    """

    at: datetime
    status: ApplicationStatus
    contains: bool | None = None
    operation_contains: bool | None = None
    superseded_by: ImageReference | None = None
    workloads: Workloads | None = None
    window: ClosedWindow | None = None
    """The sync windows that keep a sync back."""

    @property
    def is_kept_back(self) -> bool:
        """Whether a sync window is what it waits for."""
        operation = self.status.operation
        return self.window is not None or (operation is not None and operation.is_blocked)

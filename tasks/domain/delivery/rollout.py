"""Who rolls an environment out, and how long that may take."""

from typing import Annotated, Literal

from pydantic import Field, field_validator

from tasks.domain.configuration.checked_text import PLACEHOLDER, ArgoCDApplicationName, Name
from tasks.domain.configuration.part import Part, Seconds, Text

MustBeSynced = Literal["application", "workloads"]


class ParentApplication(Part):
    """The Argo CD application that applies another one's manifest: an app of apps, at the same server."""

    application: ArgoCDApplicationName = Field(description="{application} stands for the application's name.")
    project: Text = Field("default", description="The Argo CD project that the parent belongs to.")
    namespace: Text | None = Field(None, description="Only for Applications outside Argo CD's own namespace.")


class ArgoCDTarget(Part):
    """The Argo CD application that rolls an environment out."""

    application: ArgoCDApplicationName = Field(description="{application} stands for the application's name.")
    server: Name = Field("argocd", description="The ArgoCDServer block.")
    project: Text = Field("default", description="The Argo CD project that the application belongs to.")
    namespace: Text | None = Field(None, description="Only for Applications outside Argo CD's own namespace.")
    must_be_synced: MustBeSynced = Field(
        "application",
        description="What has to be Synced: the whole application, or only the workloads that name the image, where "
        "something else in it is always OutOfSync.",
    )
    parent: ParentApplication | None = Field(
        None,
        description="Where the manifest is the Argo CD Application itself (format: application): the application that "
        "applies it, for its own source does not change with the image.",
    )
    also: tuple["ArgoCDTarget", ...] = Field(
        (),
        description="Further applications that roll the same manifest out, as in other clusters: the environment is "
        "confirmed only when all are.",
    )

    @field_validator("also")
    @classmethod
    def _is_flat(cls, also: tuple["ArgoCDTarget", ...]) -> tuple["ArgoCDTarget", ...]:
        if any(target.also for target in also):
            raise ValueError("an application below 'also' has an 'also' of its own; put all of them into one list")
        return also

    def for_application(self, name: str) -> "ArgoCDTarget":
        """The same with {application} filled in."""

        def filled(text: str) -> str:
            return text.replace(PLACEHOLDER, name)

        parent = self.parent
        return self.model_copy(
            update={
                "application": filled(self.application),
                "parent": parent and parent.model_copy(update={"application": filled(parent.application)}),
                "also": tuple(target.for_application(name) for target in self.also),
            }
        )


class RolloutTimeouts(Part):
    """How long each part of a rollout may take, in seconds, before it has failed."""

    detect_seconds: Seconds = Field(300, description="Until Argo CD has seen the commit.")
    sync_seconds: Seconds = Field(600, description="Until the commit is applied, counted from the push.")
    healthy_seconds: Seconds = Field(900, description="Until everything is healthy, counted from the push.")
    settle_seconds: Seconds = Field(15, description="How long it must stay healthy before it counts.")
    degraded_grace_seconds: Seconds = Field(60, description="How long Degraded or a failing pod is put up with.")
    window_seconds: Seconds = Field(
        604800,
        description="How long a closed sync window of the Argo CD project may keep a change back: one that opens later "
        "refuses the promotion, and a change that is written is taken back then. 0: nothing waits for a window.",
    )
    poll_seconds: Annotated[float, Field(gt=0, allow_inf_nan=False)] = Field(
        5,
        description="The longest pause between two looks; six times as long, or longer, while Argo CD's event stream "
        "tells of changes.",
    )

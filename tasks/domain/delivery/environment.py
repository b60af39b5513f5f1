"""A place with a desired state of its own, as it is configured."""

from typing import Literal, Self

from pydantic import Field, model_validator

from tasks.domain.configuration.checked_text import PLACEHOLDER, Name, UrlOfApplication
from tasks.domain.configuration.part import Part, Seconds
from tasks.domain.delivery.approval import ApprovalPolicy
from tasks.domain.delivery.manifest import Manifest
from tasks.domain.delivery.post_deploy import PostDeployCheck, filled_texts, for_application
from tasks.domain.delivery.progressive import Progressive
from tasks.domain.delivery.rollout import ArgoCDTarget, RolloutTimeouts
from tasks.domain.delivery.window import DeploymentWindow
from tasks.domain.delivery.writing import Writing


class Environment(Part):
    """A place with a desired state of its own."""

    needs: tuple[Name, ...] = Field((), description="Environments that must run the candidate, healthy, before.")
    applications: tuple[Name, ...] = Field((), description="Left out: every application.")
    gitops: Name = Field("gitops", description="The GitOpsRepository block.")
    argocd: ArgoCDTarget = Field(description="Who rolls it out.")
    manifest: Manifest = Field(description="Where its desired state is written.")
    write: Writing = Field(default=Writing(), description="How it is changed: by a push, or by a pull request.")
    approval: ApprovalPolicy | None = Field(None, description="Left out: nobody is asked.")
    soak_seconds: Seconds = Field(
        0,
        description="How long the candidate must have been live and healthy, without a break, in what this one needs.",
    )
    windows: tuple[DeploymentWindow, ...] = Field((), description="When it may be changed; left out: at any time.")
    break_glass: bool = Field(
        default=False,
        description="Whether a promotion that is given a reason may pass closed windows and freezes; approval, gates "
        "and soak time are asked for all the same.",
    )
    order: Literal["newest", "queue"] = Field(
        "newest",
        description="newest: a newer candidate takes the place of older ones that wait. queue: each is promoted, the "
        "older first; a newer one waits until the older has ended.",
    )
    rollout: RolloutTimeouts = Field(default=RolloutTimeouts(), description="How long a rollout may take.")
    post_deploy_checks: dict[Name, PostDeployCheck] = Field(
        default_factory=dict, description="What must hold once the rollout is healthy."
    )
    progressive: Progressive = Field(
        default=Progressive(), description="What is done where an Argo Rollout pauses; left out: a person does it."
    )
    url: UrlOfApplication | None = Field(None, description="Where people find it; {application} as above.")

    @model_validator(mode="after")
    def _has_the_url_that_checks_use(self) -> Self:
        for name, check in (*self.post_deploy_checks.items(), *self.progressive.at_pause.items()):
            if not self.url and any("{url}" in text for text in filled_texts(check)):
                raise ValueError(f"check {name!r} uses {{url}}, but the environment has none; give its `url`")
        return self

    @model_validator(mode="after")
    def _wants_the_approvals_that_it_takes(self) -> Self:
        if self.write.approval == "pull-request" and not (self.write.is_by_pull_request and self.approval):
            raise ValueError(
                "`write` takes approvals on the pull request, but there is none or nothing to approve; add "
                "`mode: pull-request` there, and `approval` to the environment"
            )
        return self

    def holds(self, application: str) -> bool:
        """Whether the application has a place here."""
        return not self.applications or application in self.applications

    def for_application(self, name: str) -> "Environment":
        """The same environment with {application} filled in everywhere."""

        def filled(text: str) -> str:
            return text.replace(PLACEHOLDER, name)

        progressive = self.progressive.model_copy(
            update={"at_pause": for_application(self.progressive.at_pause, filled)}
        )
        return self.model_copy(
            update={
                "argocd": self.argocd.for_application(name),
                "manifest": self.manifest.model_copy(
                    update={
                        "file": filled(self.manifest.file),
                        "at": filled(self.manifest.at),
                        "resource": filled(self.manifest.resource) if self.manifest.resource else None,
                    }
                ),
                "post_deploy_checks": for_application(self.post_deploy_checks, filled),
                "progressive": progressive,
                "url": filled(self.url) if self.url else None,
            }
        )

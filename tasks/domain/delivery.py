"""The delivery configuration as values: applications, environments and their graph.

The text is read and checked in tasks.domain.delivery_text, which also says file, line and key of each mistake. Names
in the file are these field names in kebab-case; all durations are whole seconds.
"""

from collections.abc import Iterator
from typing import Annotated, Any, Literal, Self

from pydantic import Field, ValidationInfo, field_validator, model_validator

from tasks.domain.check import Check
from tasks.domain.checked_text import (
    HELM_PATH,
    PLACEHOLDER,
    ArgoCDApplicationName,
    Branch,
    FileOfApplication,
    ImagePath,
    Name,
    Path,
    PlaceOfApplication,
    Repository,
    ResourceOfApplication,
    UrlOfApplication,
)
from tasks.domain.errors import ConfigurationError
from tasks.domain.part import Part, PositiveSeconds, Seconds, Text
from tasks.domain.policy import Gates

ManifestFormat = Literal["helm-values", "kustomize", "manifest", "application"]


class Build(Part):
    """How the image is built from the checked-out commit."""

    engine: Name = Field("docker-engine", description="The DockerHost block of the engine that builds.")
    context: Path = Field(".", description="The folder that is sent to the engine.")
    dockerfile: Path = Field("Dockerfile", description="Inside the context.")
    target: Text | None = Field(None, description="The stage to build; left out: the last one.")
    arguments: dict[str, str] = Field(default_factory=dict, description="Build arguments; never secrets.")


class Application(Part):
    """One deployable service, from its repository to its image."""

    repository: Repository = Field(description="OWNER/NAME on the GitHub server.")
    branch: Branch = Field("main", description="The mainline: what is pushed here is built and promoted.")
    github: Name = Field("github", description="The GitHub block of the server that holds the repository.")
    image: ImagePath = Field(description="The image's path in the registry, without the registry's host.")
    registry: Name = Field("registry", description="The ContainerRegistry block that holds the image.")
    sonarqube: Name = Field("sonarqube", description="The SonarQubeServer block, where a check asks for it.")
    build: Build = Field(default=Build(), description="How the image is built.")
    checks: dict[Name, Check] = Field(min_length=1, description="Each check is a gate of the same name.")
    gates: Gates = Field(default=Gates(), description="What must hold beyond every check having passed.")


class ArgoCDTarget(Part):
    """The Argo CD application that rolls an environment out."""

    application: ArgoCDApplicationName = Field(description="{application} stands for the application's name.")
    server: Name = Field("argocd", description="The ArgoCDServer block.")
    project: Text = Field("default", description="The Argo CD project that the application belongs to.")
    namespace: Text | None = Field(None, description="Only for Applications outside Argo CD's own namespace.")


class Manifest(Part):
    """The place in the GitOps repository that says which image an environment runs."""

    file: FileOfApplication = Field(description="{application} stands for the application's name.")
    format: ManifestFormat = Field(
        "helm-values",
        description="What kind of file it is: values of a chart, a kustomization, plain Kubernetes manifests, or an "
        "Argo CD Application with Helm parameters, valuesObject or kustomize images of its own.",
    )
    at: PlaceOfApplication = Field(
        "image",
        description="helm-values: the path of the mapping with repository, tag and digest, or of the whole image, such "
        "as backend.image or jobs[0].image. kustomize: the name of the entry in images. manifest: the container's "
        "name. application: the path or the name, as in Helm or kustomize. {application} stands for the "
        "application's name.",
    )
    resource: ResourceOfApplication | None = Field(
        None, description="manifest and application: NAME or KIND/NAME of the resource, where several would match."
    )
    digest_in_tag: bool = Field(
        default=False,
        description="helm-values and application: the chart has no key for a digest; write TAG@DIGEST as the tag.",
    )
    may_add_keys: bool = Field(
        default=False, description="Whether a key that is missing beside the others is added; else it is refused."
    )
    edit_anchors: bool = Field(
        default=False,
        description="Whether a value that is shared by an anchor, an alias or a merge key is changed where the anchor "
        "stands, and so for all; else it is refused.",
    )

    @field_validator("at")
    @classmethod
    def _is_a_path(cls, at: str, info: ValidationInfo) -> str:
        if info.data.get("format") == "helm-values" and not HELM_PATH.fullmatch(at):
            raise ValueError(f"{at!r} is not a path of keys; join keys by dots, such as backend.image or jobs[0].image")
        return at

    @field_validator("resource", "digest_in_tag")
    @classmethod
    def _fits_the_format(cls, value: Any, info: ValidationInfo) -> Any:
        formats = ("manifest", "application") if info.field_name == "resource" else ("helm-values", "application")
        if value and info.data.get("format", formats[0]) not in formats:
            known = " and ".join(formats)
            raise ValueError(f"means nothing for format {info.data['format']}, only for {known}; remove it")
        return value

    @model_validator(mode="after")
    def _names_the_place(self) -> Self:
        names = {"kustomize": "the name of the entry in 'images'", "manifest": "the name of the container"}
        if self.format in names and "at" not in self.model_fields_set:
            raise ValueError(f"'at' is missing; format {self.format} needs there {names[self.format]}")
        return self


class RolloutTimeouts(Part):
    """How long each part of a rollout may take, in seconds, before it has failed."""

    detect_seconds: Seconds = Field(300, description="Until Argo CD has seen the commit.")
    sync_seconds: Seconds = Field(600, description="Until the commit is applied, counted from the push.")
    healthy_seconds: Seconds = Field(900, description="Until everything is healthy, counted from the push.")
    settle_seconds: Seconds = Field(15, description="How long it must stay healthy before it counts.")
    degraded_grace_seconds: Seconds = Field(60, description="How long Degraded or a failing pod is put up with.")
    poll_seconds: Annotated[float, Field(gt=0, allow_inf_nan=False)] = Field(
        5, description="The longest pause between two looks."
    )


class HttpCheck(Part):
    """A request that must succeed after a rollout."""

    url: UrlOfApplication = Field(description="{application} stands for the application's name.")
    status: Annotated[int, Field(ge=100, le=599)] = Field(200, description="The status code that it must answer with.")
    contains: Text | None = Field(None, description="A text that the body must contain.")
    commit_header: Text | None = Field(None, description="A response header that must equal the commit.")
    timeout_seconds: PositiveSeconds = Field(30, description="How long the answer may take.")


class ApprovalPolicy(Part):
    """Who may approve, and for how long the question stands."""

    approvers: tuple[Text, ...] = Field((), description="Names that may approve; none named: anyone but the author.")
    expires_seconds: PositiveSeconds = Field(72 * 3600, description="Then the promotion ends unapproved.")
    author_may_approve: bool = Field(default=False, description="Whether who wrote the change may approve it too.")


class Environment(Part):
    """A place with a desired state of its own."""

    needs: tuple[Name, ...] = Field((), description="Environments that must run the candidate, healthy, before.")
    applications: tuple[Name, ...] = Field((), description="Left out: every application.")
    gitops: Name = Field("gitops", description="The GitOpsRepository block.")
    argocd: ArgoCDTarget = Field(description="Who rolls it out.")
    manifest: Manifest = Field(description="Where its desired state is written.")
    approval: ApprovalPolicy | None = Field(None, description="Left out: nobody is asked.")
    rollout: RolloutTimeouts = Field(default=RolloutTimeouts(), description="How long a rollout may take.")
    post_deploy_checks: dict[Name, HttpCheck] = Field(
        default_factory=dict, description="What must answer once the rollout is healthy."
    )
    url: UrlOfApplication | None = Field(None, description="Where people find it; {application} as above.")

    def holds(self, application: str) -> bool:
        """Whether the application has a place here."""
        return not self.applications or application in self.applications

    def for_application(self, name: str) -> "Environment":
        """The same environment with {application} filled in everywhere."""

        def filled(text: str) -> str:
            return text.replace(PLACEHOLDER, name)

        checks = {
            key: check.model_copy(update={"url": filled(check.url)}) for key, check in self.post_deploy_checks.items()
        }
        return self.model_copy(
            update={
                "argocd": self.argocd.model_copy(update={"application": filled(self.argocd.application)}),
                "manifest": self.manifest.model_copy(
                    update={
                        "file": filled(self.manifest.file),
                        "at": filled(self.manifest.at),
                        "resource": filled(self.manifest.resource) if self.manifest.resource else None,
                    }
                ),
                "post_deploy_checks": checks,
                "url": filled(self.url) if self.url else None,
            }
        )


class Delivery(Part):
    """The whole configuration; cannot exist with an environment that needs an unknown one or itself."""

    version: Literal[1] = Field(description="The version of this format.")
    waivers: Path | None = Field(
        None, description="The file of waivers, beside this one; left out: waivers.yaml, where there is one."
    )
    applications: dict[Name, Application] = Field(min_length=1, description="What is delivered, by name.")
    environments: dict[Name, Environment] = Field(min_length=1, description="Where it is delivered to, by name.")

    @model_validator(mode="after")
    def _is_a_graph(self) -> Self:
        for _ in self.order():
            pass
        return self

    def order(self) -> Iterator[str]:
        """The environments' names, each after all that it needs; raises ValueError on a cycle."""
        done: list[str] = []
        while len(done) < len(self.environments):
            ready = [n for n, e in self.environments.items() if n not in done and set(e.needs) <= set(done)]
            if not ready:
                left = sorted(set(self.environments) - set(done))
                raise ValueError(f"environments {', '.join(left)} need each other or an unknown one; break the circle")
            done += ready
        return iter(done)

    def application(self, name: str) -> Application:
        """The application of this name; raises ConfigurationError that lists the known ones."""
        if name not in self.applications:
            raise ConfigurationError(f"unknown application {name!r}; known: {', '.join(self.applications)}")
        return self.applications[name]

    def environment(self, name: str, application: str) -> Environment:
        """The environment with {application} filled in.

        Raises ConfigurationError, with what is known, where one of both is unknown or the one does not hold the other.
        """
        self.application(application)
        if name not in self.environments:
            raise ConfigurationError(f"unknown environment {name!r}; known: {', '.join(self.environments)}")
        if not self.environments[name].holds(application):
            places = ", ".join(self.environments_of(application)) or "none"
            raise ConfigurationError(
                f"environment {name!r} does not hold application {application!r}; it has a place in: {places}"
            )
        return self.environments[name].for_application(application)

    def environments_of(self, application: str) -> tuple[str, ...]:
        """Every environment that holds the application, each after all that it needs."""
        return tuple(name for name in self.order() if self.environments[name].holds(application))

    def first_environments(self, application: str) -> tuple[str, ...]:
        """Where a new candidate goes at once: the application's environments that need no other."""
        return tuple(name for name in self.environments_of(application) if not self.environments[name].needs)

    def next_environments(self, application: str, environment: str) -> tuple[str, ...]:
        """The application's environments that need this one directly."""
        return tuple(name for name in self.environments_of(application) if environment in self.environments[name].needs)

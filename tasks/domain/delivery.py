"""The delivery configuration as values: applications, environments and their graph.

The text is read and checked in tasks.domain.delivery_text, which also says file, line and key of each mistake. Names
in the file are these field names in kebab-case; all durations are whole seconds.
"""

from collections.abc import Iterator
from decimal import Decimal
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$")]
Seconds = Annotated[int, Field(ge=0)]
# A path inside a repository: relative, and never out of its folder.
Path = Annotated[str, StringConstraints(pattern=r"^(?!/)(?!-)(?!.*(^|/)\.\.(/|$)).+$")]


def _kebab(name: str) -> str:
    return name.replace("_", "-")


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", alias_generator=_kebab, populate_by_name=True)


class Check(_Part):
    """One command that runs in the checked-out commit; it fails where the command or one of its reports does."""

    command: tuple[str, ...] = Field(min_length=1, description="The program and its arguments; no shell reads them.")
    timeout_seconds: Annotated[int, Field(gt=0)] = 900
    retries: Annotated[int, Field(ge=0, le=5)] = Field(0, description="How often a check that failed runs again.")
    junit: Path | None = Field(None, description="The JUnit XML report that the command writes.")
    cobertura: Path | None = Field(None, description="The Cobertura coverage report that the command writes.")
    sonarqube_report_task: Path | None = Field(
        None, description="The scanner's report-task.txt; the check then waits for SonarQube's quality gate."
    )


class CoverageGate(_Part):
    """How much of the code the unit tests must run."""

    minimum: Decimal = Field(Decimal(80), ge=0, le=100, description="Percent of lines, compared exactly.")


class Gates(_Part):
    """What must hold beyond every check having passed."""

    coverage: CoverageGate | None = Field(None, description="Left out: coverage is shown but decides nothing.")


class Build(_Part):
    """How the image is built from the checked-out commit."""

    engine: Name = Field("docker-engine", description="The DockerHost block of the engine that builds.")
    context: Path = "."
    dockerfile: Path = "Dockerfile"
    target: str | None = Field(None, description="The stage to build; left out: the last one.")
    arguments: dict[str, str] = Field(default_factory=dict, description="Build arguments; never secrets.")


class Application(_Part):
    """One deployable service, from its repository to its image."""

    repository: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9-]*/[A-Za-z0-9_.][A-Za-z0-9._-]*$")]
    branch: Annotated[str, StringConstraints(pattern=r"^(?!-)[A-Za-z0-9._/-]+$")] = "main"
    github: Name = Field("github", description="The GitHub block of the server that holds the repository.")
    image: Annotated[str, StringConstraints(pattern=r"^[a-z0-9]+([._/-]+[a-z0-9]+)*$")] = Field(
        description="The image's path in the registry, without the registry's host."
    )
    registry: Name = Field("registry", description="The ContainerRegistry block that holds the image.")
    sonarqube: Name = Field("sonarqube", description="The SonarQubeServer block, where a check asks for it.")
    build: Build = Field(default=Build())
    checks: dict[Name, Check] = Field(min_length=1, description="Each check is a gate of the same name.")
    gates: Gates = Field(default=Gates())


class ArgoCDTarget(_Part):
    """The Argo CD application that rolls an environment out; {application} stands for the application's name."""

    application: str
    server: Name = Field("argocd", description="The ArgoCDServer block.")
    project: str = "default"
    namespace: str | None = Field(None, description="Only for Applications outside Argo CD's own namespace.")


class Manifest(_Part):
    """The place in the GitOps repository that says which image an environment runs."""

    file: Path = Field(description="{application} stands for the application's name.")
    format: Literal["helm-values"] = "helm-values"
    at: str = Field("image", description="The dotted path of the mapping with repository, tag and digest.")


class RolloutTimeouts(_Part):
    """How long each part of a rollout may take, in seconds, before it has failed."""

    detect_seconds: Seconds = Field(300, description="Until Argo CD has seen the commit.")
    sync_seconds: Seconds = Field(600, description="Until the commit is applied, counted from the push.")
    healthy_seconds: Seconds = Field(900, description="Until everything is healthy, counted from the push.")
    settle_seconds: Seconds = Field(15, description="How long it must stay healthy before it counts.")
    degraded_grace_seconds: Seconds = Field(60, description="How long Degraded or a failing pod is put up with.")
    poll_seconds: Annotated[float, Field(gt=0)] = Field(5, description="The longest pause between two looks.")


class HttpCheck(_Part):
    """A request that must succeed after a rollout."""

    url: Annotated[str, StringConstraints(pattern=r"^https?://")] = Field(
        description="{application} stands for the application's name."
    )
    status: Annotated[int, Field(ge=100, le=599)] = 200
    contains: str | None = Field(None, description="A text that the body must contain.")
    commit_header: str | None = Field(None, description="A response header that must equal the commit.")
    timeout_seconds: Annotated[int, Field(gt=0)] = 30


class ApprovalPolicy(_Part):
    """Who may approve, and for how long the question stands."""

    approvers: tuple[str, ...] = Field((), description="Names that may approve; none named: anyone but the author.")
    expires_seconds: Annotated[int, Field(gt=0)] = Field(72 * 3600, description="Then the promotion ends unapproved.")
    author_may_approve: bool = False


class Environment(_Part):
    """A place with a desired state of its own."""

    needs: tuple[Name, ...] = Field((), description="Environments that must run the candidate, healthy, before.")
    applications: tuple[Name, ...] = Field((), description="Left out: every application.")
    gitops: Name = Field("gitops", description="The GitOpsRepository block.")
    argocd: ArgoCDTarget
    manifest: Manifest
    approval: ApprovalPolicy | None = Field(None, description="Left out: nobody is asked.")
    rollout: RolloutTimeouts = Field(default=RolloutTimeouts())
    post_deploy_checks: dict[Name, HttpCheck] = Field(default_factory=dict)
    url: str | None = Field(None, description="Where people find it; {application} as above.")


class Delivery(_Part):
    """The whole configuration; cannot exist with an environment that needs an unknown one or itself."""

    version: Literal[1]
    applications: dict[Name, Application] = Field(min_length=1)
    environments: dict[Name, Environment] = Field(min_length=1)

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

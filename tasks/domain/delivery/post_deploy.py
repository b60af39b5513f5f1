"""What must hold once a rollout is healthy: a request, a command or a metric, each recognised by its own key."""

import re
from collections.abc import Callable
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Discriminator, Field, Tag, model_validator

from tasks.domain.configuration.checked_text import Name, UrlOfApplication
from tasks.domain.configuration.part import Part, PositiveSeconds, Seconds, Text

# What stands for a fact of the promotion in a command's arguments and in a query.
PLACEHOLDERS = ("application", "environment", "commit", "digest", "url")
# `%{http_code}` and `${HOME}` belong to other programs.
_PLACEHOLDER = re.compile(r"(?<![%$])\{([a-z]+)\}")

Number = Annotated[float, Field(allow_inf_nan=False)]


def _known_placeholders(text: str) -> str:
    for name in _PLACEHOLDER.findall(text):
        if name not in PLACEHOLDERS:
            known = ", ".join(f"{{{known}}}" for known in PLACEHOLDERS)
            raise ValueError(f"{text!r} has the placeholder {{{name}}} that nothing fills in; known: {known}")
    return text


Filled = Annotated[Text, AfterValidator(_known_placeholders)]


class HttpCheck(Part):
    """A request that must succeed after a rollout."""

    url: UrlOfApplication = Field(description="{application} stands for the application's name.")
    status: Annotated[int, Field(ge=100, le=599)] = Field(200, description="The status code that it must answer with.")
    contains: Text | None = Field(None, description="A text that the body must contain.")
    commit_header: Text | None = Field(None, description="A response header that must equal the commit.")
    timeout_seconds: PositiveSeconds = Field(30, description="How long the answer may take.")
    within_seconds: Seconds = Field(
        5, description="How long another answer is put up with: a load balancer may still send to a pod that is going."
    )
    again: bool = Field(
        default=True, description="Whether it is asked again before anything goes to an environment after this one."
    )


class CommandCheck(Part):
    """A program whose exit code 0 means that the release works."""

    command: tuple[Filled, ...] = Field(
        min_length=1,
        description="Program and arguments; no shell reads them. {application}, {environment}, {commit}, {digest} and "
        "{url} are filled in.",
    )
    timeout_seconds: PositiveSeconds = Field(300, description="After this time it and all that it started is ended.")
    again: bool = Field(
        default=False,
        description="Whether it is run again before anything goes to an environment after this one; for quick ones.",
    )


class PrometheusCheck(Part):
    """A metric that must keep its threshold over a window."""

    query: Filled = Field(
        description="An instant query in PromQL. Every series that it answers must keep the threshold. {application}, "
        "{environment}, {commit}, {digest} and {url} are filled in."
    )
    server: Name = Field("prometheus", description="The PrometheusServer block.")
    at_most: Number | None = Field(None, description="The highest value that is good.")
    at_least: Number | None = Field(None, description="The lowest value that is good.")
    for_seconds: Seconds = Field(60, description="How long it is watched; 0: one look.")
    every_seconds: PositiveSeconds = Field(15, description="The pause between two looks.")
    allowed_failures: Annotated[int, Field(ge=0)] = Field(
        0, description="How many looks may break the threshold before the check fails; the last one may not."
    )
    empty_is: Literal["failed", "passed"] = Field(
        "failed", description="What an answer without any value means: an error rate without requests has none."
    )
    timeout_seconds: PositiveSeconds = Field(15, description="How long an answer may take.")
    again: bool = Field(
        default=True, description="Whether one look is taken again before anything goes to an environment after this."
    )

    @model_validator(mode="after")
    def _has_a_threshold(self) -> Self:
        if self.at_most is None and self.at_least is None:
            raise ValueError("has no threshold; give it `at-most`, `at-least`, or both")
        if self.at_most is not None and self.at_least is not None and self.at_least > self.at_most:
            raise ValueError(f"nothing is at least {self.at_least:g} and at most {self.at_most:g}; correct one of both")
        return self


_KINDS = {"url": HttpCheck, "command": CommandCheck, "query": PrometheusCheck}


def _kind(value: Any) -> str | None:
    """The name of the model, by the one key that only this kind has; None where that is not one."""
    if isinstance(value, Part):
        return type(value).__name__
    found = [kind for key, kind in _KINDS.items() if isinstance(value, dict) and key in value]
    return found[0].__name__ if len(found) == 1 else None


PostDeployCheck = Annotated[
    Annotated[HttpCheck, Tag("HttpCheck")]
    | Annotated[CommandCheck, Tag("CommandCheck")]
    | Annotated[PrometheusCheck, Tag("PrometheusCheck")],
    Discriminator(
        _kind,
        custom_error_type="post_deploy_check",
        custom_error_message="is no check; give it exactly one of url, command and query",
    ),
]


def filled_texts(check: PostDeployCheck) -> tuple[str, ...]:
    """The texts of a check that facts of a promotion are filled into."""
    match check:
        case CommandCheck():
            return check.command
        case PrometheusCheck():
            return (check.query,)
    return ()


def for_application(checks: dict[str, PostDeployCheck], filled: Callable[[str], str]) -> dict[str, PostDeployCheck]:
    """The checks with their addresses filled in; what a promotion knows is filled in when it runs."""
    return {
        name: check.model_copy(update={"url": filled(check.url)}) if isinstance(check, HttpCheck) else check
        for name, check in checks.items()
    }


def fill(text: str, facts: dict[str, str]) -> str:
    """The text with the known placeholders replaced; braces that hold anything else stay."""
    return _PLACEHOLDER.sub(lambda found: facts.get(found.group(1), found.group()), text)

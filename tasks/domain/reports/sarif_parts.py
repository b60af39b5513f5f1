"""The parts of a SARIF file that are read, in the words of the standard; snippets of code are left where they are."""

import posixpath
from typing import Literal

from pydantic import ConfigDict, Field
from pydantic.alias_generators import to_camel

from tasks.domain.gates.finding import one_line
from tasks.domain.reports.content import Part

Level = Literal["none", "note", "warning", "error"]


class _Camel(Part):
    model_config = ConfigDict(alias_generator=to_camel)


class Text(_Camel):
    """A text in several forms; `id` names one of the rule's."""

    text: str | None = None
    markdown: str | None = None
    id: str | None = None
    arguments: list[str] | None = None


class Properties(_Camel):
    """GitHub's additions: a CVSS score."""

    security_severity: float | None = Field(None, alias="security-severity", allow_inf_nan=False)


class Configuration(_Camel):
    """How a rule reports unless a result says otherwise."""

    level: Level | None = None


class Rule(_Camel):
    """A rule of a tool."""

    id: str
    short_description: Text | None = None
    message_strings: dict[str, Text] | None = None
    default_configuration: Configuration | None = None
    properties: Properties | None = None


class Component(_Camel):
    """A tool, or an extension of it that brings rules along."""

    name: str
    rules: list[Rule] | None = None


class Tool(_Camel):
    """The tool that ran."""

    driver: Component
    extensions: list[Component] | None = None


class ArtifactLocation(_Camel):
    """A file, perhaps relative to a base."""

    uri: str | None = None
    uri_base_id: str | None = None


class Region(_Camel):
    """Where in the file."""

    # Counted from 1; some tools write 0 where there is none.
    start_line: int | None = Field(None, ge=0)


class PhysicalLocation(_Camel):
    """A place in a file."""

    artifact_location: ArtifactLocation | None = None
    region: Region | None = None


class Location(_Camel):
    """A place."""

    physical_location: PhysicalLocation | None = None


class Suppression(_Camel):
    """Somebody's word that a result does not count; without a status it is accepted."""

    status: str | None = None


class RuleReference(_Camel):
    """Another way to name a result's rule."""

    id: str | None = None


class Result(_Camel):
    """One thing that was found."""

    rule_id: str | None = None
    rule_index: int | None = None
    rule: RuleReference | None = None
    level: Level | None = None
    kind: str | None = None
    message: Text
    locations: list[Location] | None = None
    partial_fingerprints: dict[str, str] | None = None
    fingerprints: dict[str, str] | None = None
    suppressions: list[Suppression] | None = None
    baseline_state: str | None = None
    fixes: list[object] | None = None
    properties: Properties | None = None


class Notification(_Camel):
    """Something that happened while the tool ran, perhaps at a place."""

    level: Level | None = None
    message: Text
    locations: list[Location] | None = None

    def __str__(self) -> str:
        physical = next((one.physical_location for one in self.locations or () if one.physical_location), None)
        uri = physical.artifact_location.uri if physical and physical.artifact_location else None
        file = f" in {posixpath.basename(uri)}" if uri else ""
        return f"{one_line(self.message.text or '')}{file}"


class Invocation(_Camel):
    """One run of the tool's program."""

    execution_successful: bool | None = None
    tool_execution_notifications: list[Notification] | None = None
    # Where ESLint names the files that it could not parse.
    tool_configuration_notifications: list[Notification] | None = None

    @property
    def why(self) -> str:
        """The first error that it names, behind a colon; else nothing."""
        said = (*(self.tool_execution_notifications or ()), *(self.tool_configuration_notifications or ()))
        errors = [one for one in said if one.level == "error" and one.message.text]
        return f": {errors[0]}" if errors else ""


class Run(_Camel):
    """What one run of a tool found."""

    tool: Tool
    results: list[Result] | None = None
    invocations: list[Invocation] | None = None
    original_uri_base_ids: dict[str, ArtifactLocation] | None = None


class Sarif(_Camel):
    """The whole file."""

    version: Literal["2.1.0"]
    runs: list[Run]

"""What a Dockerfile says about its image before anything is built: its base images, and whose rights it runs with.

https://docs.docker.com/reference/dockerfile/
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from tasks.domain.errors import InvalidImageReference
from tasks.domain.gates.finding import Finding, Severity
from tasks.domain.image import ImageReference, parse_image

_VARIABLE = re.compile(r"\$(?:(\w+)|\{(\w+)(?:(:[-+])([^}]*))?\})")
_HEREDOC = re.compile(r"<<-?([\"']?)(\w+)\1")
_ROOT = {"root", "0"}
_TOOL = "tidegate"


@dataclass(frozen=True, slots=True)
class Stage:
    """One FROM: `base` as it is written with arguments filled in, the name of the stage, and its last USER."""

    line: int
    base: str
    name: str
    user: str
    user_line: int

    @property
    def image(self) -> ImageReference | None:
        """The base as an image; None where the text is no image's name."""
        try:
            return parse_image(self.base)
        except InvalidImageReference:
            return None


def read_stages(text: str, arguments: Mapping[str, str]) -> tuple[Stage, ...]:
    """The stages in their order; `arguments` are those of the build."""
    stages: list[Stage] = []
    known: dict[str, str] = {}
    before_from: dict[str, str] = {}
    for line, keyword, rest in _instructions(text):
        if keyword == "FROM":
            words = [word for word in rest.split() if not word.startswith("--")]
            name = words[2].lower() if len(words) > 2 and words[1].upper() == "AS" else ""
            base, known = _filled(words[0], before_from) if words else "", {}
            parent = _find(stages, base)
            stages.append(Stage(line, base, name, parent.user if parent else "", parent.user_line if parent else line))
        elif keyword == "ARG":
            declared, _, default = rest.partition("=")
            value = arguments.get(declared, before_from.get(declared, "") if stages and not default else default)
            (known if stages else before_from)[declared] = _filled(value.strip("\"'"), known | before_from)
        elif keyword == "USER" and stages:
            last = stages.pop()
            stages.append(Stage(last.line, last.base, last.name, _filled(rest, known), line))
    return tuple(stages)


def base_image(stages: tuple[Stage, ...], target: str | None) -> Stage | None:
    """The stage at which the built image leaves what others made; None where it starts from scratch."""
    stage = _find(list(stages), target) if target else stages[-1] if stages else None
    while stage is not None:
        before = _find(list(stages[: stages.index(stage)]), stage.base)
        if before is None:
            return None if stage.base == "scratch" else stage
        stage = before
    return None


def used_bases(stages: tuple[Stage, ...]) -> tuple[Stage, ...]:
    """The stages that begin with an image of others."""
    return tuple(
        stage
        for index, stage in enumerate(stages)
        if stage.base != "scratch" and _find(list(stages[:index]), stage.base) is None
    )


def dockerfile_findings(
    text: str, arguments: Mapping[str, str], *, file: str, target: str | None = None
) -> tuple[Finding, ...]:
    """What speaks against an image of this Dockerfile: that it runs as root, or that a base has no pinned digest."""
    stages = read_stages(text, arguments)
    last = _find(list(stages), target) if target else stages[-1] if stages else None
    found = []
    if last is not None and (not last.user or last.user.partition(":")[0] in _ROOT or "$" in last.user):
        who = f"USER {last.user}" if last.user else "no USER"
        message = f"the image runs as root ({who}); end its last stage with a USER that is not root, by number"
        found.append(Finding(_TOOL, "image-runs-as-root", Severity.HIGH, message, file, last.user_line))
    for stage in used_bases(stages):
        if stage.image is None or stage.image.digest is None:
            message = f"the base image {stage.base} is not pinned; name it with its digest, as IMAGE:TAG@sha256:..."
            found.append(Finding(_TOOL, "base-image-not-pinned", Severity.MEDIUM, message, file, stage.line))
    return tuple(found)


def _find(stages: list[Stage], name: str | None) -> Stage | None:
    if name and name.isdecimal() and int(name) < len(stages):
        return stages[int(name)]
    return next((stage for stage in reversed(stages) if stage.name and stage.name == (name or "").lower()), None)


def _instructions(text: str) -> Iterator[tuple[int, str, str]]:
    """Line, keyword and the rest of each instruction, with continued lines joined."""
    open_text, start, ends = "", 0, [""]
    for number, line in enumerate(text.splitlines(), 1):
        if ends[0]:
            if line.strip() == ends[0]:
                ends = ends[1:] or [""]
            continue
        stripped = line.strip()
        if stripped.startswith("#") or (not stripped and open_text):
            continue
        start = start if open_text else number
        if stripped.endswith("\\"):
            open_text += stripped[:-1] + " "
            continue
        keyword, _, rest = f"{open_text}{stripped}".partition(" ")
        open_text = ""
        if keyword:
            yield start, keyword.upper(), rest.strip()
        if keyword.upper() in {"RUN", "COPY", "ADD"}:
            ends = [found[1] for found in _HEREDOC.findall(rest)] or [""]


def _filled(text: str, known: Mapping[str, str]) -> str:
    def value(found: re.Match[str]) -> str:
        name, form, word = found[1] or found[2], found[3], found[4] or ""
        is_set = bool(known.get(name))
        if form == ":+":
            return word if is_set else ""
        return known[name] if is_set else word if form else (found[0] if name not in known else "")

    return _VARIABLE.sub(value, text).strip()

"""Builds an image from a context and a Dockerfile, stage by stage, without running anything."""

from collections.abc import Callable, Generator, Iterator, Mapping
from dataclasses import dataclass, field

from deployments.sandbox.engine.context import read_dockerfile, without_ignored
from deployments.sandbox.engine.dockerfile import CannotBuild, Dockerfile, Instruction, expand, parse
from deployments.sandbox.engine.files import Tree
from deployments.sandbox.engine.image import Image
from deployments.sandbox.engine.instructions import Inputs, perform, read_argument
from deployments.sandbox.engine.stage import StageBuild, continue_stage, start_stage

# The time of everything in the image, by the name that other builders gave it:
# https://reproducible-builds.org/docs/source-date-epoch/
_TIME = "SOURCE_DATE_EPOCH"
_PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "FTP_PROXY", "NO_PROXY", "ALL_PROXY")
_NEVER_DECLARED = {_TIME, *_PROXIES, *(name.lower() for name in _PROXIES)}


@dataclass(frozen=True, slots=True)
class Order:
    """What a client wants built; without a target, the last stage."""

    context: Tree
    dockerfile: str = "Dockerfile"
    target: str = ""
    arguments: Mapping[str, str] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)


def build(order: Order, find_base: Callable[[str], Image]) -> Generator[str, None, Image]:
    """Yield what a person should see; the image is what the generator returns.

    The same order on the same base gives the same bytes: files are of 1970, or of the build argument
    SOURCE_DATE_EPOCH. Raises CannotBuild, which names the line.
    """
    dockerfile = parse(read_dockerfile(order.context, order.dockerfile))
    steps = list(_steps(dockerfile, order.target))
    build = _Build(order, find_base)
    for number, instruction in enumerate(steps, 1):
        yield f"Step {number}/{len(steps)} : {instruction}\n"
        build.do(instruction)
        if build.stages:
            yield f" ---> {build.stages[-1].image().id[7:19]}\n"
    if unused := sorted(set(order.arguments) - build.declared - _NEVER_DECLARED):
        yield f"[Warning] One or more build-args [{' '.join(unused)}] were not consumed\n"
    last = build.stages[-1]
    if order.labels:
        last.config["Labels"] = (last.config.get("Labels") or {}) | dict(order.labels)
    return last.image()


def _steps(dockerfile: Dockerfile, target: str) -> Iterator[Instruction]:
    names = [_stage_name(stage.base) for stage in dockerfile.stages]
    last = len(names) - 1
    if target:
        last = names.index(target.lower()) if target.lower() in names else int(target) if target.isdecimal() else -1
        if not 0 <= last < len(names):
            known = ", ".join(name for name in names if name) or "none with a name"
            raise CannotBuild(f"the Dockerfile has no stage {target}; it has {known}")
    yield from dockerfile.arguments
    for stage in dockerfile.stages[: last + 1]:
        yield from (stage.base, *stage.instructions)


def _stage_name(base: Instruction) -> str:
    words = base.words()
    if len(words) not in (1, 3) or (len(words) == 3 and words[1].upper() != "AS"):
        raise CannotBuild("FROM is followed by an image, and at most by AS and a name", line=base.line)
    return words[2].lower() if len(words) == 3 else ""


class _Build:
    """The stages of one build, as far as they are."""

    def __init__(self, order: Order, find_base: Callable[[str], Image]) -> None:
        self.stages: list[StageBuild] = []
        self.declared: set[str] = set()
        self._names: dict[str, StageBuild] = {}
        self._before_from: dict[str, str] = {}
        self._find_base = find_base
        self._order = order
        self._time = _time(order.arguments)
        self._inputs = Inputs(order.arguments, self._before_from, without_ignored(order.context), self._files_of)

    def do(self, instruction: Instruction) -> None:
        """Raises CannotBuild with the instruction's line."""
        try:
            if instruction.keyword == "ARG":
                self.declared |= {word.partition("=")[0] for word in instruction.words()}
            if instruction.keyword == "FROM":
                self._begin(instruction)
            elif self.stages:
                perform(self.stages[-1], instruction, self._inputs)
            else:
                for word in instruction.words():
                    self._before_from |= read_argument(word, self._order.arguments, {}, self._before_from)
        except CannotBuild as error:
            raise error if error.line else CannotBuild(str(error), line=instruction.line) from None

    def _begin(self, instruction: Instruction) -> None:
        if instruction.flags:
            raise CannotBuild(f"FROM --{instruction.flags[0][0]} needs a real engine")
        base = expand(instruction.words()[0], self._before_from)
        if not base:
            raise CannotBuild(f"{instruction} names no image; give the build argument that it asks for")
        if known := self._names.get(base.lower()):
            stage = continue_stage(known)
        else:
            stage = start_stage(None if base == "scratch" else self._find_base(base), self._time)
        self._names[str(len(self.stages))] = stage
        self.stages.append(stage)
        if name := _stage_name(instruction):
            self._names[name] = stage

    def _files_of(self, name: str) -> Tree:
        stage = self._names.get(name.lower())
        if stage is self.stages[-1]:
            raise CannotBuild(f"COPY --from={name} is the stage itself; copy from an earlier one")
        return stage.files if stage else start_stage(self._find_base(name), self._time).files


def _time(arguments: Mapping[str, str]) -> int:
    given = arguments.get(_TIME, "0")
    # Up to the end of the year 9999, the last that a timestamp can say.
    if not given.isdecimal() or int(given) > 253402300799:
        raise CannotBuild(f"the build argument {_TIME}={given} is not a number of seconds since 1970")
    return int(given)

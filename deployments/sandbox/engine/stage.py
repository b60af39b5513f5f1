"""One stage of a build: each instruction changes the image's config, or adds a layer to it."""

import copy
import json
import platform
import posixpath
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from deployments.sandbox.engine.copying import Copy, copy_files, owner
from deployments.sandbox.engine.dockerfile import CannotBuild, Instruction, expand
from deployments.sandbox.engine.files import Tree, add_parents, add_tar, clean, resolve, write_layer
from deployments.sandbox.engine.image import Image, Layer

# Docker gives this to images that say nothing themselves.
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_OCI_KEYS = ("architecture", "os", "os.version", "variant", "config", "rootfs", "history")
_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}


@dataclass(frozen=True, slots=True)
class Inputs:
    """What instructions can ask for: the given arguments, those before the first FROM, and files to copy from."""

    given: Mapping[str, str]
    before_from: Mapping[str, str]
    context: Tree
    files_of: Callable[[str], Tree]


@dataclass(slots=True)
class StageBuild:
    """A stage as far as it is built; `time` in seconds since 1970 is that of all its files."""

    settings: dict[str, Any]
    time: int
    layers: list[Layer] = field(default_factory=list)
    files: Tree = field(default_factory=dict)
    arguments: dict[str, str] = field(default_factory=dict)
    has_own_command: bool = False

    def image(self) -> Image:
        """What the stage is by now."""
        self.settings["rootfs"] = {"type": "layers", "diff_ids": [layer.diff_id for layer in self.layers]}
        return Image(json.dumps(self.settings, separators=(",", ":")).encode(), tuple(self.layers))

    def variables(self) -> dict[str, str]:
        """What $NAME stands for: arguments, and over them the environment."""
        return self.arguments | self.environment()

    def environment(self) -> dict[str, str]:
        """The image's environment variables."""
        return dict(entry.split("=", 1) for entry in self.config.get("Env") or ())

    @property
    def config(self) -> dict[str, Any]:
        """The part of the settings that says how the image is run."""
        config: dict[str, Any] = self.settings["config"]
        return config


def architecture() -> str:
    """This machine's, in the names of images."""
    return _ARCHITECTURES.get(platform.machine(), platform.machine())


def start_stage(base: Image | None, time: int) -> StageBuild:
    """A stage on an image, or on nothing (FROM scratch)."""
    settings = base.settings() if base else {"architecture": architecture(), "os": "linux"}
    settings = {key: settings[key] for key in _OCI_KEYS if key in settings}
    settings["created"] = _timestamp(time)
    stage = StageBuild(settings, time, layers=list(base.layers) if base else [])
    settings["config"] = settings.get("config") or {}
    settings["history"] = settings.get("history") or []
    stage.config["Env"] = [f"{name}={value}" for name, value in ({"PATH": _PATH} | stage.environment()).items()]
    for layer in stage.layers:
        add_tar(stage.files, layer.tar())
    return stage


def continue_stage(stage: StageBuild) -> StageBuild:
    """A stage on another one, which stays as it is."""
    settings = copy.deepcopy(stage.settings)
    return StageBuild(settings, stage.time, layers=list(stage.layers), files=dict(stage.files))


def perform(stage: StageBuild, instruction: Instruction, inputs: Inputs) -> None:
    """Do what the instruction says; raises CannotBuild where it is wrong or needs a process in a container."""
    allowed = ("from", "chown") if instruction.keyword == "COPY" else ()
    for name, _ in instruction.flags:
        if name not in allowed:
            raise CannotBuild(f"{instruction.keyword} --{name} needs a real engine")
    if not instruction.text:
        raise CannotBuild(f"{instruction.keyword} says nothing; give it an argument")
    action = _ACTIONS.get(instruction.keyword)
    if action is None:
        raise CannotBuild(f"{instruction.keyword} needs a real engine")
    new = action(stage, instruction, inputs) or {}
    # As written: values of arguments do not belong in an image's history.
    history: dict[str, Any] = {"created": _timestamp(stage.time), "created_by": str(instruction)}
    if new:
        stage.layers.append(write_layer(new, stage.time))
    else:
        history["empty_layer"] = True
    stage.settings["history"].append(history)


def read_argument(word: str, given: Mapping[str, str], inherited: Mapping[str, str], known: Mapping[str, str]) -> dict[str, str]:
    """What one ARG sets: the given value, else its own default, else what was set before the first FROM."""
    name, has_default, default = word.partition("=")
    if name in given:
        return {name: given[name]}
    if has_default:
        return {name: expand(default, known)}
    return {name: inherited[name]} if name in inherited else {}


def _argument(stage: StageBuild, instruction: Instruction, inputs: Inputs) -> None:
    for word in instruction.words():
        stage.arguments |= read_argument(word, inputs.given, inputs.before_from, stage.variables())


def _environment(stage: StageBuild, instruction: Instruction, inputs: Inputs) -> None:
    pairs = _pairs(stage, instruction)
    stage.config["Env"] = [f"{name}={value}" for name, value in (stage.environment() | pairs).items()]


def _label(stage: StageBuild, instruction: Instruction, inputs: Inputs) -> None:
    stage.config["Labels"] = (stage.config.get("Labels") or {}) | _pairs(stage, instruction)


def _user(stage: StageBuild, instruction: Instruction, inputs: Inputs) -> None:
    stage.config["User"] = expand(instruction.text, stage.variables())


def _expose(stage: StageBuild, instruction: Instruction, inputs: Inputs) -> None:
    ports = dict(stage.config.get("ExposedPorts") or {})
    for word in instruction.words():
        port, _, protocol = expand(word, stage.variables()).partition("/")
        if not port.isdecimal():
            raise CannotBuild(f"EXPOSE {word} is not one port; a range needs a real engine")
        ports[f"{port}/{protocol or 'tcp'}"] = {}
    stage.config["ExposedPorts"] = ports


def _entrypoint(stage: StageBuild, instruction: Instruction, inputs: Inputs) -> None:
    stage.config["Entrypoint"] = _exec_form(instruction)
    if not stage.has_own_command:
        # A base image's command was meant for the base image's entry point.
        stage.config.pop("Cmd", None)


def _command(stage: StageBuild, instruction: Instruction, inputs: Inputs) -> None:
    stage.config["Cmd"] = _exec_form(instruction)
    stage.has_own_command = True


def _workdir(stage: StageBuild, instruction: Instruction, inputs: Inputs) -> Tree:
    folder = posixpath.join(stage.config.get("WorkingDir") or "/", expand(instruction.text, stage.variables()))
    stage.config["WorkingDir"] = f"/{clean(folder)}"
    return add_parents(stage.files, posixpath.join(resolve(stage.files, clean(folder)), "anything"))


def _copy(stage: StageBuild, instruction: Instruction, inputs: Inputs) -> Tree:
    words = [expand(word, stage.variables()) for word in instruction.words()]
    flags = dict(instruction.flags)
    if len(words) < 2:
        raise CannotBuild("COPY needs at least one source and a destination")
    *sources, given = words
    destination = f"/{clean(posixpath.join(stage.config.get('WorkingDir') or '/', given))}"
    if given.endswith(("/", "/.")) or given == ".":
        destination = f"{destination.rstrip('/')}/"
    user, group = owner(expand(flags["chown"], stage.variables()), stage.files) if "chown" in flags else (0, 0)
    source = inputs.files_of(flags["from"]) if "from" in flags else inputs.context
    return copy_files(Copy(tuple(sources), destination, user, group), source, stage.files)


_ACTIONS: dict[str, Callable[[StageBuild, Instruction, Inputs], Tree | None]] = {
    "ARG": _argument,
    "CMD": _command,
    "COPY": _copy,
    "ENTRYPOINT": _entrypoint,
    "ENV": _environment,
    "EXPOSE": _expose,
    "LABEL": _label,
    "USER": _user,
    "WORKDIR": _workdir,
}


def _exec_form(instruction: Instruction) -> list[str]:
    words = instruction.json_words()
    if words is None:
        reason = f"{instruction.keyword} in shell form needs a real engine"
        raise CannotBuild(f'{reason}; write it as a list, such as ["python3", "-m", "app"]')
    return words


def _pairs(stage: StageBuild, instruction: Instruction) -> dict[str, str]:
    known = stage.variables()
    words = instruction.words()
    if "=" not in words[0]:
        # The old form, one name and the rest of the line.
        name, _, rest = instruction.text.partition(" ")
        if not rest:
            raise CannotBuild(f"{instruction.keyword} {name} has no value; write {name}=...")
        return {expand(name, known): expand(rest.strip(), known)}
    pairs = [word.partition("=") for word in words]
    for name, equals, _ in pairs:
        if not name or not equals:
            raise CannotBuild(f"{instruction.keyword} {name} has no value; write {name}=...")
    return {expand(name, known): expand(value, known) for name, _, value in pairs}


def _timestamp(time: int) -> str:
    return datetime.fromtimestamp(time, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

"""What each instruction of a Dockerfile does to a stage: it changes the image's config, or adds a layer to it."""

import posixpath
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from deployments.sandbox.engine.copying import Copy, copy_files, read_owner
from deployments.sandbox.engine.dockerfile import CannotBuild, Instruction, expand
from deployments.sandbox.engine.files import Tree, add_parents, clean, resolve, write_layer
from deployments.sandbox.engine.stage import StageBuild, timestamp


@dataclass(frozen=True, slots=True)
class Inputs:
    """What instructions can ask for: the given arguments, those before the first FROM, and files to copy from."""

    given: Mapping[str, str]
    before_from: Mapping[str, str]
    context: Tree
    files_of: Callable[[str], Tree]


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
    history: dict[str, Any] = {"created": timestamp(stage.time), "created_by": str(instruction)}
    if new:
        stage.layers.append(write_layer(new, stage.time))
    else:
        history["empty_layer"] = True
    stage.settings["history"].append(history)


def read_argument(
    word: str, given: Mapping[str, str], inherited: Mapping[str, str], known: Mapping[str, str]
) -> dict[str, str]:
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


def _environment(stage: StageBuild, instruction: Instruction, _: Inputs) -> None:
    pairs = _pairs(stage, instruction)
    stage.config["Env"] = [f"{name}={value}" for name, value in (stage.environment() | pairs).items()]


def _label(stage: StageBuild, instruction: Instruction, _: Inputs) -> None:
    stage.config["Labels"] = (stage.config.get("Labels") or {}) | _pairs(stage, instruction)


def _user(stage: StageBuild, instruction: Instruction, _: Inputs) -> None:
    stage.config["User"] = expand(instruction.text, stage.variables())


def _expose(stage: StageBuild, instruction: Instruction, _: Inputs) -> None:
    ports = dict(stage.config.get("ExposedPorts") or {})
    for word in instruction.words():
        port, *protocol = expand(word, stage.variables()).split("/", 1)
        if not port.isdecimal():
            raise CannotBuild(f"EXPOSE {word} is not one port; a range needs a real engine")
        ports[f"{port}/{protocol[0] if protocol else 'tcp'}"] = {}
    stage.config["ExposedPorts"] = ports


def _entrypoint(stage: StageBuild, instruction: Instruction, _: Inputs) -> None:
    stage.config["Entrypoint"] = _exec_form(instruction)
    if not stage.has_own_command:
        # A base image's command was meant for the base image's entry point.
        stage.config.pop("Cmd", None)


def _command(stage: StageBuild, instruction: Instruction, _: Inputs) -> None:
    stage.config["Cmd"] = _exec_form(instruction)
    stage.has_own_command = True


def _workdir(stage: StageBuild, instruction: Instruction, _: Inputs) -> Tree:
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
    owner = read_owner(expand(flags["chown"], stage.variables()), stage.files) if "chown" in flags else None
    source = inputs.files_of(flags["from"]) if "from" in flags else inputs.context
    return copy_files(Copy(tuple(sources), destination, owner), source, stage.files)


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

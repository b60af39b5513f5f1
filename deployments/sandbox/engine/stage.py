"""A stage of a build as it stands: the config and the layers of the image so far, and the files in them."""

import copy
import json
import platform
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from deployments.sandbox.engine.files import Tree, add_tar
from deployments.sandbox.engine.image import Image, Layer

# Docker gives this to images that say nothing themselves.
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_OCI_KEYS = ("architecture", "os", "os.version", "variant")
_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}


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
        entries = (entry.partition("=") for entry in self.config.get("Env") or ())
        return {name: value for name, _, value in entries}

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
    known: dict[str, Any] = base.settings() if base else {"architecture": architecture(), "os": "linux"}
    settings = {key: known[key] for key in _OCI_KEYS if key in known}
    settings |= {"created": timestamp(time), "config": known.get("config") or {}, "history": _history(known, time)}
    stage = StageBuild(settings, time, layers=list(base.layers) if base else [])
    stage.config["Env"] = [f"{name}={value}" for name, value in ({"PATH": _PATH} | stage.environment()).items()]
    for layer in stage.layers:
        add_tar(stage.files, layer.tar())
    return stage


def _history(known: dict[str, Any], time: int) -> list[dict[str, Any]]:
    """The base's own, if it tells of each of its layers; readers may refuse an image where it does not."""
    history: list[dict[str, Any]] = known.get("history") or []
    count = len(known.get("rootfs", {}).get("diff_ids", ()))
    if sum(not entry.get("empty_layer") for entry in history) == count:
        return history
    return [{"created": timestamp(time), "created_by": "the base image, which does not tell"}] * count


def continue_stage(stage: StageBuild) -> StageBuild:
    """A stage on another one, which stays as it is."""
    settings = copy.deepcopy(stage.settings)
    return StageBuild(settings, stage.time, layers=list(stage.layers), files=dict(stage.files))


def timestamp(time: int) -> str:
    """Seconds since 1970 as images write them."""
    return datetime.fromtimestamp(time, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

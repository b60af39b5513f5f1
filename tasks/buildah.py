"""buildah: builds the image of a work tree on the worker itself, without any engine, and pushes it.

It needs no rights but those of its own user (isolation chroot, storage vfs). Every file and the image itself get the
commit's time, so that the same commit on the same base is the same digest again.
https://github.com/containers/buildah/blob/main/docs/buildah-build.1.md
"""

import json
from collections.abc import Mapping
from pathlib import Path

from prefect import get_run_logger

from blocks.registry import ContainerRegistry
from tasks.domain.delivery.build import Build
from tasks.domain.errors import AccessRefused, ConfigurationError, DeliveryError, Unreachable
from tasks.domain.gates.checks import Exited, NotStarted
from tasks.domain.image import DIGEST, ImageReference
from tasks.domain.image_content import Built, content_of
from tasks.domain.image_labels import REVISION, source_date_epoch
from tasks.process.group import clean_environment, run_in_group
from tasks.registry.login import login_folder
from tasks.retry import outside_task
from tasks.run_log import RunLog
from tasks.work_tree import build_files

_TIMEOUT_SECONDS = 3600
_REFUSED = ("denied", "unauthorized", "authentication required")
_OVERLOADED = ("toomanyrequests", "timeout", "connection re", "tls handshake", "status 500", "status 502", "status 503")


@outside_task("build {image} with buildah")
def build_with_buildah(
    registry: ContainerRegistry,
    tree: Path,
    build: Build,
    image: ImageReference,
    labels: Mapping[str, str],
    *,
    storage: Path,
    fresh: bool = False,
) -> Built:
    """Build the image of `tree` into the folder `storage`, which belongs to this one build.

    Base images of this registry are pulled with its login, all others without one. The build argument COMMIT and the
    labels are the same as with an engine. `fresh` uses no cache.
    Raises ConfigurationError where buildah is not installed, and DeliveryError with what it said last.
    """
    files = build_files(tree, build)
    options = [f"--build-arg={name}={value}" for name, value in (build.arguments | _commit(labels)).items()]
    options += [f"--label={name}={value}" for name, value in labels.items()]
    options += [f"--target={build.target}"] if build.target else []
    options += [f"--timestamp={epoch}"] if (epoch := source_date_epoch(labels)) else []
    if build.cache:
        cache = f"{registry.host}/{build.cache}"
        options += ["--layers", f"--cache-to={cache}", *([] if fresh else [f"--cache-from={cache}"])]
    settled = ("--isolation=chroot", "--format=oci", "--pull-always", "--no-cache" if fresh else "--no-cache=false")
    several = len(build.platforms) > 1
    options += [f"--file={files.dockerfile}", f"--{'manifest' if several else 'tag'}={_tagged(image)}"]
    # In one call, buildah lists the platforms in the order in which they happen to be ready: another digest each time.
    for platform in [[f"--platform={one}"] for one in build.platforms] or [[]]:
        _run(registry, storage, "build", *settled, *options, *platform, "--", str(files.context))
    return Built(None) if several else _inspect(registry, storage, image)


@outside_task("push {image} with buildah")
def push_with_buildah(
    registry: ContainerRegistry, image: ImageReference, *, storage: Path, several: bool = False
) -> str:
    """Push what was built into `storage`, for `several` platforms or one, and give the digest that was pushed.

    Raises AccessRefused, Unreachable and DeliveryError with what the registry said.
    """
    file, tagged = storage / "digest", _tagged(image)
    what = ("manifest", "push", "--all") if several else ("push",)
    _run(registry, storage, *what, f"--digestfile={file}", "--", tagged, f"docker://{tagged}")
    digest = file.read_text().strip()
    if not DIGEST.fullmatch(digest):
        raise DeliveryError(f"buildah did not say under which digest it pushed {image}; look at the run's log")
    return digest


def _inspect(registry: ContainerRegistry, storage: Path, image: ImageReference) -> Built:
    said = json.loads("\n".join(_run(registry, storage, "inspect", "--type=image", "--", _tagged(image), silent=True)))
    annotations = said.get("ImageAnnotations") or {}
    name = annotations.get("org.opencontainers.image.base.name", "")
    digest = annotations.get("org.opencontainers.image.base.digest", "")
    repository, _, tag = name.partition("@")[0].rpartition(":")
    base = (ImageReference(repository, tag, digest),) if "/" not in tag and repository and digest else ()
    return Built(content_of(said["OCIv1"]), base)


def _run(registry: ContainerRegistry, storage: Path, *command: str, silent: bool = False) -> list[str]:
    """What buildah printed; raises for its failures."""
    log, lines = RunLog(get_run_logger()), list[str]()
    stores = (f"--root={storage / 'root'}", f"--runroot={storage / 'run'}", "--storage-driver=vfs")
    # Inspecting speaks to no registry.
    reach = () if silent else (f"--tls-verify={str(registry.url.startswith('https://')).lower()}",)
    # Options belong to the innermost word: manifest push.
    words = 2 if command[0] == "manifest" else 1
    with login_folder(registry) as folder:
        ending = run_in_group(
            ("buildah", *stores, *command[:words], *reach, *command[words:]),
            folder=storage,
            environment=clean_environment(str(folder)) | {"REGISTRY_AUTH_FILE": str(folder / "config.json")},
            timeout_seconds=_TIMEOUT_SECONDS,
            on_line=lines.append if silent else log.write,
        )
    if isinstance(ending, NotStarted):
        raise ConfigurationError("buildah is not there; install it where the worker runs, or build with docker")
    if ending != Exited(0):
        raise _failure(command[words - 1], " ".join([*log.tail][-3:]) or str(ending))
    return lines


def _failure(command: str, said: str) -> DeliveryError:
    if any(sign in said.lower() for sign in _REFUSED):
        return AccessRefused(f"buildah cannot {command}: {said}; give the registry's credentials the right to it")
    if any(sign in said.lower() for sign in _OVERLOADED):
        return Unreachable(f"buildah cannot {command}: {said}")
    return DeliveryError(f"buildah cannot {command}: {said}")


def _commit(labels: Mapping[str, str]) -> dict[str, str]:
    return {"COMMIT": labels[REVISION]}


def _tagged(image: ImageReference) -> str:
    if image.tag is None:
        raise ConfigurationError(f"{image} has no tag; an image is built and pushed under its commit's SHA")
    return f"{image.repository}:{image.tag}"

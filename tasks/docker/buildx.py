"""BuildKit, through the buildx of Docker's own command line: the engine's API alone builds without it.

What it builds is in the engine afterwards, like what the classic builder builds.
https://docs.docker.com/reference/cli/docker/buildx/build/
"""

import os
from collections.abc import Mapping
from pathlib import Path

from prefect import get_run_logger
from prefect_docker import DockerHost

from blocks.registry import ContainerRegistry
from tasks.domain.delivery.build import Build
from tasks.domain.errors import ConfigurationError, DeliveryError
from tasks.domain.gates.checks import Exited
from tasks.domain.image import ImageReference
from tasks.process.group import clean_environment, run_in_group
from tasks.registry.login import login_folder
from tasks.run_log import RunLog
from tasks.work_tree import build_files

ONE_PLATFORM = "an image for several platforms needs BuildKit and an engine that can keep one"
_TIMEOUT_SECONDS = 3600
# How a client finds its engine where the block names none.
_WHERE = ("DOCKER_HOST", "DOCKER_TLS_VERIFY", "DOCKER_CERT_PATH")


def has_buildx(engine: DockerHost, folder: Path) -> bool:
    """Whether Docker's command line is here, and knows buildx (its plugin has to be installed for all users)."""
    ending = run_in_group(
        ("docker", "buildx", "version"),
        folder=folder,
        environment=_environment(engine, folder),
        timeout_seconds=60,
        on_line=lambda _line: None,
    )
    return ending == Exited(0)


def build_with_buildx(
    engine: DockerHost,
    registry: ContainerRegistry,
    tree: Path,
    build: Build,
    tagged: str,
    *,
    labels: Mapping[str, str],
    fresh: bool,
    has_containerd: bool,
) -> None:
    """Build the image of `tree` in the engine, under the name and tag `tagged`.

    Base images of this registry are pulled with its login. Layers are taken from `build.cache`, and put there where the
    engine `has_containerd` for its images. Raises DeliveryError with what buildx said last, and ConfigurationError for
    several platforms without containerd and where the context is not in the tree.
    """
    if len(build.platforms) > 1 and not has_containerd:
        raise ConfigurationError(f"{ONE_PLATFORM}; switch on the engine's containerd image store")
    files, log = build_files(tree, build), RunLog(get_run_logger())
    options = [f"--build-arg={name}={value}" for name, value in build.arguments.items()]
    options += [f"--label={name}={value}" for name, value in labels.items()]
    options += [f"--target={build.target}"] if build.target else []
    options += [f"--platform={','.join(build.platforms)}"] if build.platforms else []
    options += ["--no-cache", "--pull"] if fresh else []
    if build.cache:
        cache = f"type=registry,ref={ImageReference(f'{registry.host}/{build.cache}', 'buildcache')}"
        options += [] if fresh else [f"--cache-from={cache}"]
        options += [f"--cache-to={cache},mode=max"] if has_containerd else []
    # Its own attestations would make an index of the image; ours are signed, and attached to it.
    settled = ("--progress=plain", "--provenance=false", "--sbom=false", "--load", f"--tag={tagged}")
    with login_folder(registry) as folder:
        ending = run_in_group(
            ("docker", "buildx", "build", *settled, *options, f"--file={files.dockerfile}", "--", str(files.context)),
            folder=folder,
            environment=_environment(engine, folder),
            timeout_seconds=_TIMEOUT_SECONDS,
            on_line=log.write,
        )
    if ending != Exited(0):
        said = next((line for line in reversed(log.tail) if "ERROR" in line), " ".join([*log.tail][-2:]))
        raise DeliveryError(f"the image cannot be built: {said or ending}")


def _environment(engine: DockerHost, folder: Path) -> dict[str, str]:
    where = {name: value for name in _WHERE if (value := os.environ.get(name))}
    where |= {"DOCKER_HOST": engine.base_url} if engine.base_url else {}
    return clean_environment(str(folder)) | where | {"DOCKER_CONFIG": str(folder)}

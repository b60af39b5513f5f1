"""A Docker engine: builds the image of a work tree, through the engine's API; tasks.docker.push pushes it."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import docker
from docker.api.build import process_dockerfile
from docker.utils.build import tar
from prefect_docker import DockerHost

from blocks.registry import ContainerRegistry
from tasks.aws_problems import aws_problems
from tasks.docker.buildx import ONE_PLATFORM, build_with_buildx, has_buildx
from tasks.docker.engine import SILENCE_SECONDS, engine_api, said, tagged
from tasks.domain.delivery.build import Build
from tasks.domain.errors import ConfigurationError, DeliveryError
from tasks.domain.image import ImageReference
from tasks.domain.image_content import Built, content_of
from tasks.domain.image_labels import REVISION, source_date_epoch
from tasks.retry import outside_task
from tasks.work_tree import build_files, set_times


@outside_task("build {image}")
def build_image(
    engine: DockerHost,
    tree: Path,
    build: Build,
    image: ImageReference,
    labels: Mapping[str, str],
    *,
    registry: ContainerRegistry | None = None,
    fresh: bool = False,
) -> None:
    """Build the image of `tree` under the name and tag of `image`, with the labels that image_labels makes.

    The Dockerfile gets the commit, as the labels name it, as build argument COMMIT, and every file in the context the
    commit's time (SOURCE_DATE_EPOCH for builders that know it), so that builds can be compared. `fresh` pulls the base
    images again and uses no cache. BuildKit builds where the engine offers it and buildx is installed here. Base images
    of the `registry` are pulled with its login.
    Raises DeliveryError with the step that failed, ConfigurationError where the context is not in the tree, and
    Unreachable where the engine does not answer.
    """
    epoch = source_date_epoch(labels)
    told = {"COMMIT": labels[REVISION]} | ({"SOURCE_DATE_EPOCH": epoch} if epoch else {})
    if epoch:
        set_times(build_files(tree, build).context, int(epoch))
    arguments = build.arguments | told
    if registry is not None and _builds_with_buildkit(engine):
        build_with_buildx(
            engine,
            registry,
            tree,
            build.model_copy(update={"arguments": arguments}),
            tagged(image),
            labels=labels,
            fresh=fresh,
            has_containerd=_has_containerd(engine),
        )
        return
    if len(build.platforms) > 1:
        raise ConfigurationError(f"{ONE_PLATFORM}; the engine does not offer it, or docker buildx is not installed")
    with _context(tree, build) as (context, dockerfile), engine_api(engine) as api:
        _log_in(api, registry)
        lines = api.build(
            fileobj=context,
            custom_context=True,
            dockerfile=dockerfile,
            tag=tagged(image),
            target=build.target,
            platform=next(iter(build.platforms), None),
            buildargs=arguments,
            labels=dict(labels),
            nocache=fresh,
            pull=fresh,
            rm=True,
            forcerm=True,
            timeout=SILENCE_SECONDS,
            decode=True,
        )
        step = ""
        for text, error in said(lines):
            if error:
                raise DeliveryError(f"the image cannot be built: {error}; it failed at: {step or 'its start'}")
            step = text if text.startswith("Step ") else step


@outside_task("inspect {image}")
def inspect_image(engine: DockerHost, image: ImageReference, bases: tuple[ImageReference, ...] = ()) -> Built:
    """What the engine has built under this name, and the digests that it knows for those of the `bases` without one.

    Raises DeliveryError where it holds no such image, and Unreachable.
    """
    with engine_api(engine) as api:
        content = content_of(api.inspect_image(tagged(image)))
        return Built(content, tuple(base if base.digest else _with_digest(api, base) for base in bases))


@contextmanager
def _context(tree: Path, build: Build) -> Iterator[tuple[Any, str]]:
    """The build context as an archive, and the Dockerfile's name in it; nothing of it lies outside the tree."""
    files = build_files(tree, build)
    context, dockerfile, ignore = files.context, files.dockerfile, files.context / ".dockerignore"
    lines = ignore.read_text(errors="replace").splitlines() if ignore.is_file() else []
    excluded = [line.strip() for line in lines if line.strip() and not line.startswith("#")]
    # docker's own helpers; only its build(path=...) would put a Dockerfile outside the context into the URL as well.
    name, content = process_dockerfile(str(dockerfile), str(context))
    with tar(str(context), exclude=excluded, dockerfile=(name, content)) as archive:
        yield archive, name


def _builds_with_buildkit(engine: DockerHost) -> bool:
    with engine_api(engine) as api:
        # The engine's own word on what its clients should use; absent before 23.0 unless it is switched on.
        offers = api.get(f"{api.base_url}/_ping").headers.get("Builder-Version") == "2"
    with TemporaryDirectory(prefix="tidegate-buildx-") as folder:
        return offers and has_buildx(engine, Path(folder))


def _has_containerd(engine: DockerHost) -> bool:
    """Whether containerd keeps the engine's images: the older store has no lists of images, and exports no cache."""
    with engine_api(engine) as api:
        status = api.info().get("DriverStatus") or []
    return any("containerd.snapshotter" in str(value) for pair in status for value in pair)


def _log_in(api: Any, registry: ContainerRegistry | None) -> None:
    """For base images that only this registry's login may pull."""
    if registry is None:
        return
    with aws_problems(registry.host):
        login = registry.login()
    if login:
        api.login(username=login[0], password=login[1], registry=registry.host, reauth=True)


def _with_digest(api: Any, base: ImageReference) -> ImageReference:
    """The base with the digest that it was pulled by; without one where the engine keeps no such image."""
    try:
        named = api.inspect_image(f"{base.repository}:{base.tag or 'latest'}").get("RepoDigests") or []
    except docker.errors.APIError:
        return base
    digests = [digest for name, _, digest in (str(one).partition("@") for one in named)]
    return ImageReference(base.repository, base.tag, digests[0]) if digests else base

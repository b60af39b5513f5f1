"""A Docker engine: builds the image of a work tree and pushes it, through the engine's API."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import docker
import requests
from docker.api.build import process_dockerfile
from docker.utils.build import tar
from prefect import get_run_logger
from prefect_docker import DockerHost

from blocks.registry import ContainerRegistry
from tasks.aws_problems import aws_problems
from tasks.docker_buildx import build_with_buildx, has_buildx
from tasks.domain.delivery.build import Build
from tasks.domain.errors import AccessRefused, ConfigurationError, DeliveryError, Unreachable
from tasks.domain.image import ImageReference
from tasks.domain.image_content import Built, content_of
from tasks.domain.image_labels import REVISION, source_date_epoch
from tasks.retry import outside_task
from tasks.run_log import RunLog
from tasks.work_tree import build_files, set_times

# How long the engine may say nothing; a step that compiles is silent for long.
_SILENCE_SECONDS = 1800
_REFUSED = ("denied", "unauthorized", "no basic auth credentials", "authentication required", "not authorized")
_OVERLOADED = (
    "toomanyrequests",
    "timeout",
    "connection re",
    "i/o",
    "tls handshake",
    "eof",
    "500 ",
    "502 ",
    "503 ",
    "504 ",
)


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
            _tagged(image),
            labels=labels,
            fresh=fresh,
            exports_cache=_exports_cache(engine),
        )
        return
    with _context(tree, build) as (context, dockerfile), _engine(engine) as api:
        _log_in(api, registry)
        lines = api.build(
            fileobj=context,
            custom_context=True,
            dockerfile=dockerfile,
            tag=_tagged(image),
            target=build.target,
            buildargs=arguments,
            labels=dict(labels),
            nocache=fresh,
            pull=fresh,
            rm=True,
            forcerm=True,
            timeout=_SILENCE_SECONDS,
            decode=True,
        )
        step = ""
        for text, error in _said(lines):
            if error:
                raise DeliveryError(f"the image cannot be built: {error}; it failed at: {step or 'its start'}")
            step = text if text.startswith("Step ") else step


@outside_task("inspect {image}")
def inspect_image(engine: DockerHost, image: ImageReference, bases: tuple[ImageReference, ...] = ()) -> Built:
    """What the engine has built under this name, and the digests that it knows for those of the `bases` without one.

    Raises DeliveryError where it holds no such image, and Unreachable.
    """
    with _engine(engine) as api:
        content = content_of(api.inspect_image(_tagged(image)))
        return Built(content, tuple(base if base.digest else _with_digest(api, base) for base in bases))


@outside_task("push {image}")
def push_image(engine: DockerHost, registry: ContainerRegistry, image: ImageReference) -> str | None:
    """Push the image that the engine holds under this name and tag; gives the digest, where the engine tells it.

    Raises AccessRefused, Unreachable, and DeliveryError with what the registry said.
    """
    with aws_problems(registry.host):
        login = registry.login()
    # An empty login, not none: the engine insists on the header, and must not fall back to the worker's own.
    access = {"username": login[0], "password": login[1]} if login else {}
    with _engine(engine) as api:
        _tagged(image)
        lines, digests = (
            api.push(image.repository, image.tag, stream=True, decode=True, auth_config=access),
            list[str](),
        )
        for _, error in _said(_keeping_digests(lines, digests)):
            if error:
                raise _push_failure(registry, image, error)
    return digests[-1] if digests else None


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


@contextmanager
def _engine(engine: DockerHost) -> Iterator[Any]:
    where = engine.base_url or "the address in DOCKER_HOST"
    try:
        with engine.get_client() as client:
            client.api.timeout = _SILENCE_SECONDS
            yield client.api
    except docker.errors.APIError as problem:
        raise DeliveryError(f"the Docker engine refuses: {problem.explanation or problem}") from problem
    except (docker.errors.DockerException, requests.RequestException) as problem:
        raise Unreachable(f"the Docker engine at {where} does not answer; start it or correct its block") from problem


def _builds_with_buildkit(engine: DockerHost) -> bool:
    with _engine(engine) as api:
        # The engine's own word on what its clients should use; absent before 23.0 unless it is switched on.
        offers = api.get(f"{api.base_url}/_ping").headers.get("Builder-Version") == "2"
    with TemporaryDirectory(prefix="tidegate-buildx-") as folder:
        return offers and has_buildx(engine, Path(folder))


def _exports_cache(engine: DockerHost) -> bool:
    """Whether the engine keeps images in containerd; with its own older store BuildKit cannot put layers elsewhere."""
    with _engine(engine) as api:
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


def _tagged(image: ImageReference) -> str:
    if image.tag is None:
        raise ConfigurationError(f"{image} has no tag; an image is built and pushed under its commit's SHA")
    return f"{image.repository}:{image.tag}"


def _said(lines: Iterable[Any]) -> Iterator[tuple[str, str]]:
    """What the engine says, as (text, error), passed on to the log; progress bars are left out."""
    log = RunLog(get_run_logger())
    for line in lines:
        if error := line.get("error"):
            log.write(str(error))
            yield "", str(error).strip()
        elif text := str(
            line.get("stream") or ("" if line.get("progressDetail") else line.get("status")) or ""
        ).strip():
            log.write(text)
            yield text, ""


def _keeping_digests(lines: Iterable[Any], digests: list[str]) -> Iterator[Any]:
    for line in lines:
        if digest := (line.get("aux") or {}).get("Digest"):
            digests.append(str(digest))
        yield line


def _with_digest(api: Any, base: ImageReference) -> ImageReference:
    """The base with the digest that it was pulled by; without one where the engine keeps no such image."""
    try:
        named = api.inspect_image(f"{base.repository}:{base.tag or 'latest'}").get("RepoDigests") or []
    except docker.errors.APIError:
        return base
    digests = [digest for name, _, digest in (str(one).partition("@") for one in named)]
    return ImageReference(base.repository, base.tag, digests[0]) if digests else base


def _push_failure(registry: ContainerRegistry, image: ImageReference, error: str) -> DeliveryError:
    host, said = registry.host, error.lower()
    if any(sign in said for sign in _REFUSED):
        return AccessRefused(f"{host} refuses the push of {image}: {error}; give its credentials the right to push")
    if any(sign in said for sign in _OVERLOADED):
        return Unreachable(f"{host} did not take {image}: {error}")
    return DeliveryError(f"{host} did not take {image}: {error}; check the repository there")

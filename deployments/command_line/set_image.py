"""`tidegate set-image`: another image in one manifest file, with every other byte as it was."""

import difflib
import io
import os
import stat
import tempfile
from pathlib import Path
from typing import Annotated

import typer

from tasks.domain.configuration.model_mistakes import find_mistakes, read_model
from tasks.domain.delivery.manifest import Manifest, ManifestFormat
from tasks.domain.errors import ConfigurationError, InvalidImageReference, InvalidManifest
from tasks.domain.image import parse_image
from tasks.domain.manifest.formats import set_image as set_image_in

UNCHANGED = 3


def set_image(  # noqa: PLR0913 - options of a command
    file: Annotated[Path, typer.Argument(help="The file to change; on the disk, not in a repository.")],
    *,
    kind: Annotated[ManifestFormat, typer.Option("--format", help="What kind of file it is.")],
    at: Annotated[
        str | None,
        typer.Option(help="The path in values, as image or jobs[0].image; else the name of the image or container."),
    ] = None,
    image: Annotated[str, typer.Option(help="REPOSITORY[:TAG][@DIGEST].")],
    resource: Annotated[
        str | None, typer.Option(help="[KIND/]NAME of the Kubernetes resource, where several would match.")
    ] = None,
    digest_in_tag: Annotated[bool, typer.Option("--digest-in-tag", help="Write TAG@DIGEST as the tag.")] = False,
    may_add_keys: Annotated[bool, typer.Option("--may-add-keys", help="Add a key that is missing.")] = False,
    edit_anchors: Annotated[
        bool, typer.Option("--edit-anchors", help="Change a shared value where its anchor stands, so for all.")
    ] = False,
    write: Annotated[
        bool, typer.Option("--write/--diff", help="Write the file, or only show what would change.")
    ] = False,
) -> None:
    """Put an image into Helm values, a kustomization, a Kubernetes manifest or an Argo CD Application.

    Only the characters of the image change. Ends with 0 where the file changes, with 3 where it is right already, and
    with 2 where it cannot be edited.
    """
    options = {"at": at, "resource": resource, "digest-in-tag": digest_in_tag}
    options |= {"may-add-keys": may_add_keys, "edit-anchors": edit_anchors}
    manifest = _manifest({"format": kind} | {key: value for key, value in options.items() if value})
    text = _read(file)
    try:
        edited = set_image_in(text, manifest, parse_image(image), file=str(file), tag_is_enough=True)
    except (InvalidImageReference, InvalidManifest) as error:
        raise ConfigurationError(str(error)) from None
    if edited == text:
        raise typer.Exit(UNCHANGED)
    if write:
        _write(file, edited)
    else:
        typer.echo(_difference(text, edited, str(file)), nl=False)


def _manifest(options: dict[str, object]) -> Manifest:
    # The file of a manifest is a path in a repository; here it is only a name.
    value = {"file": "manifest.yaml"} | options
    if mistakes := find_mistakes(Manifest, value):
        lines = (f"{''.join(f'--{step}: ' for step in mistake.place)}{mistake.sentence}" for mistake in mistakes)
        raise ConfigurationError("\n".join(lines))
    return read_model(Manifest, value)


def _read(file: Path) -> str:
    try:
        content = file.read_bytes()
    except OSError as error:
        raise ConfigurationError(
            f"{file} cannot be read ({os.strerror(error.errno or 0)}); name another file"
        ) from None
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise ConfigurationError(f"{file}:{line}: this is not UTF-8; save the file in that encoding") from None


def _difference(before: str, after: str, name: str) -> str:
    # Unlike splitlines, which would also split at characters that are a part of their line.
    lines = difflib.unified_diff(io.StringIO(before).readlines(), io.StringIO(after).readlines(), name, name)
    return "".join(line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines)


def _write(file: Path, text: str) -> None:
    """Put the text into the file at once, with its mode; who reads it meanwhile sees the old one or the new one."""
    # A link stays one: what it points to is replaced.
    target = file.resolve()
    new: Path | None = None
    try:
        descriptor, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
        new = Path(name)
        with os.fdopen(descriptor, "wb") as opened:
            opened.write(text.encode())
            opened.flush()
            os.fchmod(descriptor, stat.S_IMODE(target.stat().st_mode))
            os.fsync(descriptor)
        new.replace(target)
    except OSError as error:
        if new is not None:
            new.unlink(missing_ok=True)
        raise ConfigurationError(f"{file} cannot be written ({os.strerror(error.errno or 0)})") from None

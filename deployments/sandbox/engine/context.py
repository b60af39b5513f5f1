"""The build context: the files a client sends with a build, less what its .dockerignore leaves out."""

import re
import tarfile
from dataclasses import replace

from deployments.sandbox.engine.dockerfile import CannotBuild
from deployments.sandbox.engine.files import Tree, add_parents, add_tar, clean

_WILDCARDS = re.compile(r"\*\*/|\*\*|\*|\?|[^*?]+")


def read_context(tar: bytes) -> Tree:
    """The files, all root's as images have them; raises CannotBuild where the body is no tar, packed or not."""
    tree: Tree = {}
    try:
        add_tar(tree, tar)
    except (tarfile.TarError, EOFError, OSError) as error:
        raise CannotBuild(f"the build context is not a tar archive: {error}") from None
    return {path: replace(file, user=0, group=0) for path, file in tree.items()}


def read_dockerfile(context: Tree, path: str) -> str:
    """The text of the Dockerfile, which may be one that .dockerignore leaves out."""
    file = context.get(clean(path))
    if file is None or file.is_folder:
        raise CannotBuild(f"the build context has no Dockerfile at {path}; name another with dockerfile=")
    try:
        return file.content.decode()
    except UnicodeDecodeError:
        raise CannotBuild(f"the Dockerfile at {path} is not UTF-8 text") from None


def without_ignored(context: Tree) -> Tree:
    """What COPY can see: https://docs.docker.com/build/concepts/context/#dockerignore-files."""
    ignore = context.get(".dockerignore")
    if ignore is None:
        return context
    rules = [_rule(line.strip()) for line in ignore.content.decode(errors="replace").splitlines()]
    kept: Tree = {}
    for path, file in context.items():
        ignored = False
        for excludes, pattern in rules:
            if pattern is not None and pattern.fullmatch(path):
                ignored = excludes
        if not ignored:
            # A rule may take a file back in whose folder another leaves out.
            add_parents(kept, path)
            kept[path] = file
    return kept


def _rule(line: str) -> tuple[bool, re.Pattern[str] | None]:
    """Whether the line leaves out (or, with !, takes back in), and which paths: those that match and all below."""
    if not line or line.startswith("#"):
        return True, None
    wildcards = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    parts = _WILDCARDS.findall(clean(line.removeprefix("!").strip()))
    pattern = "".join(wildcards.get(part) or re.escape(part) for part in parts)
    return not line.startswith("!"), re.compile(f"{pattern}(?:/.*)?", re.DOTALL)

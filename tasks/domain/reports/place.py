"""Where a report says something is, as a path relative to the repository's root."""

import posixpath
from functools import lru_cache
from urllib.parse import unquote, urlsplit


@lru_cache(maxsize=10_000)
def relative_path(named: str, roots: tuple[str, ...]) -> str:
    """A path or file:// URI from a report without the folder that the repository was checked out to.

    `roots` are all names of that folder, such as one with and one without links. A path outside stays as it is.
    """
    path = _path_of(named) if named.startswith("file:") else named
    path = posixpath.normpath(path.replace("\\", "/")) if path else ""
    for root in roots:
        if path.startswith(f"{root.rstrip('/')}/"):
            return path.removeprefix(root).lstrip("/")
    return path


def _path_of(uri: str) -> str:
    try:
        return unquote(urlsplit(uri).path)
    except ValueError:
        # Not a URI after all, such as file://[x: then it is a name like any other.
        return uri

"""Which right of a GitHub App a request needs.

https://docs.github.com/rest/authentication/permissions-required-for-github-apps
"""

import re

# The first that fits a path below /repos/OWNER/NAME; an App may comment with either of two rights.
_RIGHTS = (
    (r"check-(runs|suites)", ("checks",)),
    (r"commits/.+/check-(runs|suites)$", ("checks",)),
    (r"status(es)?/", ("statuses",)),
    (r"commits/.+/status(es)?$", ("statuses",)),
    (r"deployments", ("deployments",)),
    (r"issues", ("issues", "pull_requests")),
    # Merging changes the contents.
    (r"pulls/\d+/merge$", ("contents",)),
    (r"pulls", ("pull_requests",)),
    (r"hooks", ("repository_hooks",)),
    (r"(contents|git|commits|compare|branches|tarball|zipball)", ("contents",)),
)


def needed_rights(method: str, path: str) -> tuple[tuple[str, ...], str]:
    """Any of these rights, at this level."""
    below = re.sub(r"^.*?/repos/[^/]+/[^/]+/?", "", path)
    rights = next((rights for pattern, rights in _RIGHTS if re.match(pattern, below)), ("metadata",))
    return rights, "read" if method == "GET" else "write"

"""REST endpoints for the caller, repositories, references, files and collaborators."""

import base64

from starlette.responses import JSONResponse, Response

from deployments.sandbox.github.api import Call, Refused, page_of, route
from deployments.sandbox.github.bare_repository import NOTHING
from deployments.sandbox.github.git_command import run_git
from deployments.sandbox.github.records import Permission, RefUpdate
from deployments.sandbox.github.views import JSON, node_id, repository_view, user_view

_BASE64_LINE = 60
_KINDS = {"blob": "file", "tree": "dir", "commit": "submodule"}


def get_user(call: Call) -> Response:
    """GET /user: whose token it is."""
    user = call.actor
    return JSONResponse(user_view(call.web, user) | {"name": user.name, "email": user.email})


def get_repository(call: Call) -> Response:
    """GET /repos/{owner}/{name}."""
    repository = call.repository
    owner = call.state.users[repository.owner]
    return JSONResponse(repository_view(call.web, repository, owner, repository.permission_of(call.user)))


def get_reference(call: Call) -> Response:
    """GET /repos/{owner}/{name}/git/ref/{ref}, such as heads/main."""
    reference = f"refs/{call.path['ref']}"
    sha = call.repository.git.resolve(reference)
    if sha is None:
        raise Refused(404, "Not Found")
    return JSONResponse(
        {
            "ref": reference,
            "node_id": node_id("Ref", call.repository.id),
            "url": f"{call.repository_url}/git/{reference}",
            "object": {"sha": sha, "type": "commit", "url": f"{call.repository_url}/git/commits/{sha}"},
        }
    )


def get_permission(call: Call) -> Response:
    """GET /repos/{owner}/{name}/collaborators/{login}/permission."""
    user = call.state.users.get(call.path["login"])
    if user is None:
        raise Refused(404, f"{call.path['login']} is not a user")
    permission = call.repository.permission_of(user).word
    return JSONResponse({"permission": permission, "role_name": permission, "user": user_view(call.web, user)})


def list_branches(call: Call) -> Response:
    """GET /repos/{owner}/{name}/branches."""
    raw = run_git(call.repository.git.path, "for-each-ref", "--format=%(refname:lstrip=2) %(objectname)", "refs/heads")
    names = [line.split(" ") for line in raw.decode().splitlines()]
    branches, headers = page_of(call, names)
    views = [
        {"name": name, "commit": {"sha": sha, "url": f"{call.repository_url}/commits/{sha}"}, "protected": False}
        for name, sha in branches
    ]
    return JSONResponse(views, headers=headers)


def get_contents(call: Call) -> Response:
    """GET /repos/{owner}/{name}/contents/{path}?ref=: a file, or a folder's list."""
    revision = call.query.get("ref") or call.repository.default_branch
    git, path = call.repository.git, call.path.get("path", "").strip("/")
    sha = git.resolve(revision)
    if sha is None:
        raise Refused(404, f"No commit found for the ref {revision}")
    if path:
        entries = _entries(call, sha, path)
        if not entries:
            raise Refused(404, "Not Found")
        kind, blob, size, name = entries[0]
        if kind != "tree":
            return _file(call, revision, name, blob, size)
        path += "/"
    return JSONResponse([_entry(call, revision, *entry) for entry in _entries(call, sha, path)])


def _entries(call: Call, sha: str, path: str) -> list[tuple[str, str, int, str]]:
    """Kind, name of the object, size and path; with a final slash what is inside the folder."""
    where = [path] if path else []
    raw = run_git(call.repository.git.path, "ls-tree", "-z", "--long", sha, "--", *where)
    entries = []
    for line in raw.decode(errors="surrogateescape").split("\0")[:-1]:
        facts, name = line.split("\t", 1)
        _, kind, blob, size = facts.split()
        entries.append((kind, blob, 0 if size == "-" else int(size), name))
    return entries


def _file(call: Call, revision: str, path: str, blob: str, size: int) -> Response:
    raw = run_git(call.repository.git.path, "cat-file", "blob", blob)
    if "raw" in call.accept:
        return Response(raw, media_type="application/vnd.github.raw+json; charset=utf-8")
    text = base64.b64encode(raw).decode()
    lines = [text[start : start + _BASE64_LINE] + "\n" for start in range(0, len(text), _BASE64_LINE)]
    view = _entry(call, revision, "blob", blob, size, path)
    return JSONResponse(view | {"encoding": "base64", "content": "".join(lines)})


def _entry(call: Call, revision: str, kind: str, blob: str, size: int, path: str) -> JSON:
    page = f"{call.web}/{call.repository.full_name}"
    url = f"{call.repository_url}/contents/{path}?ref={revision}"
    git_url = f"{call.repository_url}/git/{kind}s/{blob}"
    html_url = f"{page}/{kind}/{revision}/{path}"
    return {
        "type": _KINDS[kind],
        "name": path.rsplit("/", 1)[-1],
        "path": path,
        "sha": blob,
        "size": size,
        "url": url,
        "git_url": git_url,
        "html_url": html_url,
        "download_url": f"{page}/raw/{revision}/{path}" if kind == "blob" else None,
        "_links": {"self": url, "git": git_url, "html": html_url},
    }


def delete_reference(call: Call) -> Response:
    """DELETE /repos/{owner}/{name}/git/refs/heads/{branch}."""
    branch, git = call.path["branch"], call.repository.git
    before = git.head(branch)
    if before is None:
        raise Refused(422, "Reference does not exist")
    git.move(f"refs/heads/{branch}", NOTHING, before)
    call.state.apply_push(call.repository, [RefUpdate(f"refs/heads/{branch}", before, NOTHING)], call.actor)
    return Response(status_code=204)


_REPOSITORY = "/repos/{owner}/{name}"
ROUTES = [
    route("GET", "/user", get_user),
    route("GET", _REPOSITORY, get_repository, Permission.READ),
    route("GET", f"{_REPOSITORY}/branches", list_branches, Permission.READ),
    route("GET", f"{_REPOSITORY}/git/ref/{{ref:path}}", get_reference, Permission.READ),
    route("DELETE", f"{_REPOSITORY}/git/refs/heads/{{branch:path}}", delete_reference, Permission.WRITE),
    route("GET", f"{_REPOSITORY}/contents", get_contents, Permission.READ),
    route("GET", f"{_REPOSITORY}/contents/{{path:path}}", get_contents, Permission.READ),
    route("GET", f"{_REPOSITORY}/collaborators/{{login}}/permission", get_permission, Permission.WRITE),
]

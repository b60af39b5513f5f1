"""REST endpoints for commits and comparisons."""

from starlette.responses import JSONResponse, PlainTextResponse, Response

from deployments.sandbox.github.api import Call, Refused, page_of, route
from deployments.sandbox.github.commit_views import commit_view, file_view
from deployments.sandbox.github.history import Commit, changed_files, read_commits
from deployments.sandbox.github.records import Permission
from deployments.sandbox.github.views import JSON


def list_commits(call: Call) -> Response:
    """GET /repos/{owner}/{name}/commits?sha=: newest first."""
    start = call.commit(call.query.get("sha") or call.repository.default_branch)
    commits, headers = page_of(call, read_commits(call.repository.git.path, start.sha))
    return JSONResponse([_view(call, commit) for commit in commits], headers=headers)


def get_commit(call: Call) -> Response:
    """GET /repos/{owner}/{name}/commits/{ref}: with its files; only the SHA if the caller accepts that type."""
    commit = call.commit(call.path["ref"])
    if "application/vnd.github.sha" in call.accept:
        return PlainTextResponse(commit.sha)
    base = commit.parents[0] if commit.parents else None
    files = _files(call, base, commit.sha)
    stats = {name: sum(file[name] for file in files) for name in ("additions", "deletions")}
    total = stats["additions"] + stats["deletions"]
    return JSONResponse(_view(call, commit) | {"stats": {"total": total, **stats}, "files": files})


def compare(call: Call) -> Response:
    """GET /repos/{owner}/{name}/compare/{base}...{head}."""
    base_name, dots, head_name = call.path["basehead"].partition("...")
    git = call.repository.git
    names = [git.resolve(base_name), git.resolve(head_name)]
    if not dots or None in names:
        raise Refused(404, "Not Found")
    base, head = call.commit(base_name), call.commit(head_name)
    start = git.merge_base(base.sha, head.sha)
    if start is None:
        raise Refused(404, f"No common ancestor between {base_name} and {head_name}.")
    ahead, behind = git.count(base.sha, head.sha), git.count(head.sha, base.sha)
    page = f"{call.web}/{call.repository.full_name}/compare/{call.path['basehead']}"
    commits = read_commits(git.path, head.sha, f"^{base.sha}", limit=250)
    return JSONResponse(
        {
            "url": f"{call.repository_url}/compare/{call.path['basehead']}",
            "html_url": page,
            "permalink_url": page,
            "diff_url": f"{page}.diff",
            "patch_url": f"{page}.patch",
            "base_commit": _view(call, base),
            "merge_base_commit": _view(call, call.commit(start)),
            "status": _relation(ahead, behind),
            "ahead_by": ahead,
            "behind_by": behind,
            "total_commits": ahead,
            "commits": [_view(call, commit) for commit in reversed(commits)],
            "files": _files(call, start, head.sha),
        }
    )


def _relation(ahead: int, behind: int) -> str:
    if ahead and behind:
        return "diverged"
    if ahead:
        return "ahead"
    return "behind" if behind else "identical"


def _view(call: Call, commit: Commit) -> JSON:
    by_email = {user.email: user for user in call.state.users.values()}
    return commit_view(call.web, call.repository, commit, by_email)


def _files(call: Call, base: str | None, head: str) -> list[JSON]:
    files = changed_files(call.repository.git.path, base, head)
    return [file_view(call.web, call.repository, file, base, head) for file in files[:300]]


_REPOSITORY = "/repos/{owner}/{name}"
ROUTES = [
    route("GET", f"{_REPOSITORY}/commits", list_commits, Permission.READ),
    route("GET", f"{_REPOSITORY}/commits/{{ref:path}}", get_commit, Permission.READ),
    route("GET", f"{_REPOSITORY}/compare/{{basehead:path}}", compare, Permission.READ),
]

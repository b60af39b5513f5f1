"""GitHub's JSON for a pull request."""

from collections.abc import Mapping

from deployments.sandbox.github.history import changed_files
from deployments.sandbox.github.protection import is_behind, missing
from deployments.sandbox.github.records import Permission, PullRequest, Repository, User
from deployments.sandbox.github.views import JSON, node_id, repository_url, repository_view, user_view


def pull_request_view(web: str, repository: Repository, pull: PullRequest, users: Mapping[str, User]) -> JSON:
    """A pull request in full, as `GET /pulls/{number}` and the webhooks show it."""
    url, page = f"{repository_url(web, repository)}/pulls/{pull.number}", _page(web, repository, pull)
    return {
        "url": url,
        "id": pull.id,
        "node_id": node_id("PullRequest", pull.id),
        "html_url": page,
        "diff_url": f"{page}.diff",
        "patch_url": f"{page}.patch",
        **{f"{name}_url": link["href"] for name, link in _links(web, repository, pull).items() if name in _AS_FIELDS},
        "number": pull.number,
        "state": pull.state,
        "locked": False,
        "title": pull.title,
        "user": user_view(web, pull.author),
        "body": pull.body,
        "created_at": pull.created_at,
        "updated_at": pull.updated_at,
        "closed_at": pull.closed_at,
        "merged_at": pull.merged_at,
        "merge_commit_sha": pull.merge_commit_sha,
        "assignee": None,
        "assignees": [],
        "requested_reviewers": [user_view(web, users[login]) for login in pull.asked],
        "requested_teams": [_team(team) for team in pull.asked_teams],
        "labels": [{"name": name, "color": "ededed", "default": False} for name in pull.labels],
        "milestone": None,
        "head": _side(web, pull.fork or repository, pull.head, pull.head_sha, users),
        "base": _side(web, repository, pull.base, pull.base_sha, users),
        "_links": _links(web, repository, pull),
        "author_association": _association(repository, pull.author),
        "auto_merge": None,
        "active_lock_reason": None,
        "draft": pull.draft,
        "merged": pull.merged_at is not None,
        **_mergeability(repository, pull),
        "merged_by": user_view(web, pull.merged_by) if pull.merged_by else None,
        "comments": sum(comment.issue == pull.number for comment in repository.comments),
        "review_comments": 0,
        "maintainer_can_modify": False,
        **_size(repository, pull),
    }


def _team(name: str) -> JSON:
    slug = name.partition("/")[2]
    return {"name": slug, "slug": slug, "privacy": "closed", "permission": "push", "parent": None}


# Those of the links that also stand beside them, as fields.
_AS_FIELDS = ("issue", "commits", "review_comments", "review_comment", "comments", "statuses")


def _page(web: str, repository: Repository, pull: PullRequest) -> str:
    return f"{web}/{repository.full_name}/pull/{pull.number}"


def _links(web: str, repository: Repository, pull: PullRequest) -> dict[str, dict[str, str]]:
    url = repository_url(web, repository)
    targets = {
        "self": f"{url}/pulls/{pull.number}",
        "html": _page(web, repository, pull),
        "issue": f"{url}/issues/{pull.number}",
        "comments": f"{url}/issues/{pull.number}/comments",
        "review_comments": f"{url}/pulls/{pull.number}/comments",
        "review_comment": f"{url}/pulls/comments{{/number}}",
        "commits": f"{url}/pulls/{pull.number}/commits",
        "statuses": f"{url}/statuses/{pull.head_sha}",
    }
    return {name: {"href": target} for name, target in targets.items()}


def _side(web: str, repository: Repository, branch: str, sha: str, users: Mapping[str, User]) -> JSON:
    owner = users[repository.owner]
    return {
        "label": f"{repository.owner}:{branch}",
        "ref": branch,
        "sha": sha,
        "user": user_view(web, owner),
        "repo": repository_view(web, repository, owner),
    }


def _association(repository: Repository, author: User) -> str:
    if author.login == repository.owner:
        return "OWNER"
    return "COLLABORATOR" if repository.permissions.get(author.login, 0) >= Permission.WRITE else "NONE"


def _mergeability(repository: Repository, pull: PullRequest) -> JSON:
    """As GitHub finds it out in the background; here it is known at once."""
    if pull.state == "closed":
        return {"mergeable": None, "rebaseable": None, "mergeable_state": "unknown"}
    is_mergeable = repository.git.merged_tree(pull.base_sha, pull.head_sha) is not None
    state = "draft" if pull.draft else "blocked" if missing(repository, pull) else "clean"
    if state == "clean" and is_behind(repository, pull):
        state = "behind"
    return {
        "mergeable": is_mergeable,
        "rebaseable": is_mergeable,
        "mergeable_state": state if is_mergeable else "dirty",
    }


def _size(repository: Repository, pull: PullRequest) -> JSON:
    start = repository.git.merge_base(pull.base_sha, pull.head_sha)
    files = changed_files(repository.git.path, start, pull.head_sha)
    return {
        "commits": repository.git.count(pull.base_sha, pull.head_sha),
        "additions": sum(file.additions for file in files),
        "deletions": sum(file.deletions for file in files),
        "changed_files": len(files),
    }

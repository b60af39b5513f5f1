"""GitHub's JSON for accounts and repositories, with the field names of its REST API."""

import base64
from typing import Any

from deployments.sandbox.github.records import Permission, Repository, User

JSON = dict[str, Any]

# Field of an account -> what follows the account's URL in the API.
_USER_LINKS = {
    "followers_url": "/followers",
    "following_url": "/following{/other_user}",
    "gists_url": "/gists{/gist_id}",
    "starred_url": "/starred{/owner}{/repo}",
    "subscriptions_url": "/subscriptions",
    "organizations_url": "/orgs",
    "repos_url": "/repos",
    "events_url": "/events{/privacy}",
    "received_events_url": "/received_events",
}
# Field of a repository -> what follows the repository's URL in the API.
_REPOSITORY_LINKS = {
    "forks_url": "/forks",
    "keys_url": "/keys{/key_id}",
    "collaborators_url": "/collaborators{/collaborator}",
    "teams_url": "/teams",
    "hooks_url": "/hooks",
    "issue_events_url": "/issues/events{/number}",
    "events_url": "/events",
    "assignees_url": "/assignees{/user}",
    "branches_url": "/branches{/branch}",
    "tags_url": "/tags",
    "blobs_url": "/git/blobs{/sha}",
    "git_tags_url": "/git/tags{/sha}",
    "git_refs_url": "/git/refs{/sha}",
    "trees_url": "/git/trees{/sha}",
    "statuses_url": "/statuses/{sha}",
    "languages_url": "/languages",
    "stargazers_url": "/stargazers",
    "contributors_url": "/contributors",
    "subscribers_url": "/subscribers",
    "subscription_url": "/subscription",
    "commits_url": "/commits{/sha}",
    "git_commits_url": "/git/commits{/sha}",
    "comments_url": "/comments{/number}",
    "issue_comment_url": "/issues/comments{/number}",
    "contents_url": "/contents/{+path}",
    "compare_url": "/compare/{base}...{head}",
    "merges_url": "/merges",
    "archive_url": "/{archive_format}{/ref}",
    "downloads_url": "/downloads",
    "issues_url": "/issues{/number}",
    "pulls_url": "/pulls{/number}",
    "milestones_url": "/milestones{/number}",
    "notifications_url": "/notifications{?since,all,participating}",
    "labels_url": "/labels{/name}",
    "releases_url": "/releases{/id}",
    "deployments_url": "/deployments",
}


def node_id(kind: str, number: int) -> str:
    """A GraphQL name, which is opaque to readers."""
    return base64.b64encode(f"0{len(kind)}:{kind}{number}".encode()).decode()


def user_view(web: str, user: User) -> JSON:
    """An account as it appears inside other answers."""
    url = f"{web}/api/v3/users/{user.login}"
    return {
        "login": user.login,
        "id": user.id,
        "node_id": node_id("User", user.id),
        "avatar_url": f"{web}/avatars/u/{user.id}",
        "gravatar_id": "",
        "url": url,
        "html_url": f"{web}/{user.login}",
        **{field: url + rest for field, rest in _USER_LINKS.items()},
        "type": "Bot" if user.is_app else "User",
        "site_admin": False,
    }


def repository_url(web: str, repository: Repository) -> str:
    """Where the REST API has this repository."""
    return f"{web}/api/v3/repos/{repository.full_name}"


def repository_view(web: str, repository: Repository, owner: User, permission: Permission | None = None) -> JSON:
    """A repository; with a permission, as the account that has it sees the repository."""
    url, page = repository_url(web, repository), f"{web}/{repository.full_name}"
    open_issues = sum(pull.state == "open" for pull in repository.pull_requests)
    view: JSON = {
        "id": repository.id,
        "node_id": node_id("Repository", repository.id),
        "name": repository.name,
        "full_name": repository.full_name,
        "private": repository.private,
        "owner": user_view(web, owner),
        "html_url": page,
        "description": None,
        "fork": False,
        "url": url,
        **{field: url + rest for field, rest in _REPOSITORY_LINKS.items()},
        "created_at": repository.created_at,
        "updated_at": repository.pushed_at,
        "pushed_at": repository.pushed_at,
        "git_url": f"{page.replace('http', 'git', 1)}.git",
        "ssh_url": f"git@{page.rsplit('://', maxsplit=1)[-1].replace('/', ':', 1)}.git",
        "clone_url": f"{page}.git",
        "svn_url": page,
        "homepage": None,
        "language": None,
        **dict.fromkeys(("size", "stargazers_count", "watchers_count", "forks_count", "forks", "watchers"), 0),
        **dict.fromkeys(("has_issues", "has_projects", "has_downloads", "has_wiki"), True),
        **dict.fromkeys(("has_pages", "archived", "disabled", "is_template", "web_commit_signoff_required"), False),
        "mirror_url": None,
        "open_issues_count": open_issues,
        "open_issues": open_issues,
        "license": None,
        "default_branch": repository.default_branch,
        "topics": [],
        "visibility": "private" if repository.private else "public",
        "custom_properties": {},
    }
    return view if permission is None else view | {"permissions": _permissions(permission)}


def _permissions(permission: Permission) -> JSON:
    return {
        "admin": permission >= Permission.ADMIN,
        "maintain": permission >= Permission.ADMIN,
        "push": permission >= Permission.WRITE,
        "triage": permission >= Permission.WRITE,
        "pull": permission >= Permission.READ,
    }

"""GitHub's JSON for commits and the files that they change."""

from deployments.sandbox.github.history import ChangedFile, Commit, Signature, patch_of
from deployments.sandbox.github.records import Repository, User
from deployments.sandbox.github.views import JSON, node_id, repository_url, user_view


def commit_view(web: str, repository: Repository, commit: Commit, by_email: dict[str, User]) -> JSON:
    """A commit in lists; `author` and `committer` are null where no account has the e-mail address."""
    url, page = repository_url(web, repository), f"{web}/{repository.full_name}/commit"
    accounts = [by_email.get(one.email) for one in (commit.author, commit.committer)]
    author, committer = (user_view(web, account) if account else None for account in accounts)
    return {
        "sha": commit.sha,
        "node_id": node_id("Commit", repository.id),
        "commit": {
            "author": _signature(commit.author),
            "committer": _signature(commit.committer),
            "message": commit.message,
            "tree": {"sha": commit.tree, "url": f"{url}/git/trees/{commit.tree}"},
            "url": f"{url}/git/commits/{commit.sha}",
            "comment_count": 0,
            "verification": {"verified": False, "reason": "unsigned", "signature": None, "payload": None},
        },
        "url": f"{url}/commits/{commit.sha}",
        "html_url": f"{page}/{commit.sha}",
        "comments_url": f"{url}/commits/{commit.sha}/comments",
        "author": author,
        "committer": committer,
        "parents": [{"sha": sha, "url": f"{url}/commits/{sha}", "html_url": f"{page}/{sha}"} for sha in commit.parents],
    }


def _signature(signature: Signature) -> JSON:
    return {"name": signature.name, "email": signature.email, "date": signature.utc}


def file_view(web: str, repository: Repository, file: ChangedFile, base: str | None, head: str) -> JSON:
    """One changed file of a commit, a comparison or a pull request."""
    patch = patch_of(repository.git.path, base, head, file.path)
    return {
        "sha": file.blob,
        "filename": file.path,
        "status": file.kind,
        "additions": file.additions,
        "deletions": file.deletions,
        "changes": file.additions + file.deletions,
        "blob_url": f"{web}/{repository.full_name}/blob/{head}/{file.path}",
        "raw_url": f"{web}/{repository.full_name}/raw/{head}/{file.path}",
        "contents_url": f"{repository_url(web, repository)}/contents/{file.path}?ref={head}",
        **({"patch": patch} if patch is not None else {}),
        **({"previous_filename": file.previous_path} if file.previous_path else {}),
    }

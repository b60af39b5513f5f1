"""How pull requests follow their branches, and how they are merged in git."""

from dataclasses import dataclass

from deployments.sandbox.github.bare_repository import NOTHING, Identity
from deployments.sandbox.github.git_command import GitRefused, run_git
from deployments.sandbox.github.history import read_commits
from deployments.sandbox.github.protection import is_behind, missing
from deployments.sandbox.github.records import PullRequest, RefUpdate, Repository, User, timestamp

_GITHUB = Identity("GitHub", "noreply@github.com")


class MergeRefused(Exception):
    """The pull request cannot be merged as it is; `status` is GitHub's answer to that."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True)
class PullRequestEvent:
    """What a webhook is to tell; `before` is set where the head moved."""

    pull: PullRequest
    action: str
    before: str | None = None


def follow_push(repository: Repository, update: RefUpdate, pusher: User) -> list[PullRequestEvent]:
    """Bring open pull requests up to date with a branch that moved."""
    branch = update.ref.removeprefix("refs/heads/")
    if branch == update.ref:
        return []
    events: list[PullRequestEvent] = []
    for pull in repository.pull_requests:
        is_about = branch == pull.base or (branch == pull.head and pull.fork is None)
        if pull.state == "open" and is_about:
            events += _follow(repository, pull, branch, update.after, pusher)
    return events


def _follow(repository: Repository, pull: PullRequest, branch: str, after: str, pusher: User) -> list[PullRequestEvent]:
    if branch == pull.base and after == NOTHING:
        return [close(pull)]
    if branch == pull.base:
        # A push that brings the head's commits to the base has merged the pull request.
        if repository.git.is_ancestor(pull.head_sha, after):
            return [_mark_merged(pull, after, pusher)]
        pull.base_sha = after
        return []
    return _follow_head(repository, pull, after)


def _follow_head(repository: Repository, pull: PullRequest, after: str) -> list[PullRequestEvent]:
    if after == NOTHING:
        return [close(pull)]
    before, pull.head_sha, pull.updated_at = pull.head_sha, after, timestamp()
    publish_head(repository, pull)
    return [PullRequestEvent(pull, "synchronize", before)]


def follow_fork(repository: Repository, fork: Repository, update: RefUpdate) -> list[PullRequestEvent]:
    """Bring open pull requests that come from a fork up to date with its branch."""
    events = []
    for pull in repository.pull_requests:
        if pull.state == "open" and pull.fork is fork and update.ref == f"refs/heads/{pull.head}":
            events += _follow_head(repository, pull, update.after)
    return events


def publish_head(repository: Repository, pull: PullRequest) -> None:
    """Keep the head fetchable as refs/pull/N/head, even after its branch is gone."""
    if pull.fork:
        run_git(repository.git.path, "fetch", "--quiet", str(pull.fork.git.path), f"refs/heads/{pull.head}")
    reference = f"refs/pull/{pull.number}/head"
    repository.git.move(reference, pull.head_sha, repository.git.resolve(reference) or NOTHING)


def close(pull: PullRequest) -> PullRequestEvent:
    """Close without merging."""
    pull.state, pull.closed_at, pull.updated_at = "closed", timestamp(), timestamp()
    return PullRequestEvent(pull, "closed")


def _mark_merged(pull: PullRequest, merge_commit: str, merged_by: User) -> PullRequestEvent:
    event = close(pull)
    pull.merged_at, pull.merged_by, pull.merge_commit_sha = pull.closed_at, merged_by, merge_commit
    return event


def merge(
    repository: Repository,
    pull: PullRequest,
    by: User,
    *,
    method: str,
    title: str | None,
    message: str | None,
) -> tuple[RefUpdate, PullRequestEvent]:
    """Merge in git and close; raises MergeRefused where GitHub answers 405."""
    before = repository.git.head(pull.base)
    tree = repository.git.merged_tree(before, pull.head_sha) if before else None
    if pull.state == "closed" or before is None or tree is None:
        raise MergeRefused(405, "Pull Request is not mergeable")
    if pull.draft:
        raise MergeRefused(405, "Pull Request is still a draft")
    if rules := missing(repository, pull):
        raise MergeRefused(405, rules[0])
    if is_behind(repository, pull):
        raise MergeRefused(405, "The head branch is not up to date with the base branch.")
    if method == "merge":
        text = _text(title or f"Merge pull request #{pull.number} from {repository.owner}/{pull.head}", message, pull)
        commit = repository.git.commit_tree(tree, [before, pull.head_sha], text, by.identity, _GITHUB)
    elif method == "squash":
        known_title, known_message = _squashed(repository, pull)
        text = f"{title or known_title}\n\n{message or known_message}".rstrip() + "\n"
        commit = repository.git.commit_tree(tree, [before], text, pull.author.identity, _GITHUB)
    else:
        commits = read_commits(repository.git.path, pull.head_sha, f"^{before}")
        if len(commits) != 1:
            raise MergeRefused(405, "This branch can't be rebased")
        commit = repository.git.commit_tree(tree, [before], commits[0].message, pull.author.identity, by.identity)
    try:
        repository.git.move(f"refs/heads/{pull.base}", commit, before)
    except GitRefused as moved:
        raise MergeRefused(405, "Base branch was modified. Review and try the merge again.") from moved
    return RefUpdate(f"refs/heads/{pull.base}", before, commit), _mark_merged(pull, commit, by)


def _text(title: str, message: str | None, pull: PullRequest) -> str:
    return f"{title}\n\n{pull.title if message is None else message}"


def _squashed(repository: Repository, pull: PullRequest) -> tuple[str, str]:
    """What a squash is called where nobody says: one commit keeps its message, several are listed.

    Unless the repository is set to something else:
    https://docs.github.com/rest/repos/repos#update-a-repository, squash_merge_commit_message
    https://docs.github.com/pull-requests/collaborating-with-pull-requests/incorporating-changes-from-a-pull-request/about-pull-request-merges
    """
    commits = read_commits(repository.git.path, pull.head_sha, f"^{pull.base_sha}")
    title, text = pull.title, "\n\n".join(f"* {commit.message}" for commit in reversed(commits))
    if len(commits) == 1:
        title, _, text = commits[0].message.partition("\n")
    match repository.squash_merge_commit_message:
        case "PR_BODY":
            text = pull.body or ""
        case "BLANK":
            text = ""
    return f"{title} (#{pull.number})", text.strip()

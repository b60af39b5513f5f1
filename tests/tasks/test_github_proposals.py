"""Pull requests over GitHub's REST API: found again, kept to their rules, merged with their trailers, closed once."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from prefect_github import GitHubCredentials
from pydantic import SecretStr

from blocks.github import GitHub
from blocks.gitops import GitOpsRepository
from deployments.sandbox.github.protocol import create_app
from deployments.sandbox.github.records import Permission, Protection, PullRequest
from deployments.sandbox.github.state import GitHubState
from deployments.sandbox.server import serve
from tasks.domain.delivery.manifest import Manifest
from tasks.domain.image import ImageReference
from tasks.domain.promotion.history import Change, promotion_message
from tasks.domain.promotion.pull_request import (
    Blocked,
    Merged,
    Outdated,
    Ready,
    branch_of,
    decide_pull_request,
    family_of,
)
from tasks.github import proposals as pulls
from tasks.gitops import desired_state as gitops

REPOSITORY = "acme/gitops"
IMAGE = "registry.example/acme/shop-api"
A, B, C = (f"sha256:{letter * 64}" for letter in "abc")
MANIFEST = Manifest(file="apps/shop-api/values-production.yaml")
WHO = {"author_name": "Pat", "author_email": "pat@acme.example"}

pytestmark = pytest.mark.usefixtures("bare_machine")


@pytest.fixture
def state(tmp_path: Path) -> Iterator[GitHubState]:
    state = GitHubState(tmp_path / "github")
    state.create_repository(REPOSITORY)
    for login in ("tidegate", "pat", "ada"):
        state.add_user(login, token=f"{login}-token", email=f"{login}@acme.example")
        state.grant(REPOSITORY, login, Permission.WRITE)
    state.commit(REPOSITORY, "main", {MANIFEST.file: values(A)}, "values", **WHO)
    with serve(create_app(state)) as url:
        state.web_url = url
        yield state


def values(digest: str) -> str:
    return f"image:\n  repository: {IMAGE}\n  tag: v1\n  digest: {digest} # it\nreplicas: 3\n"


@pytest.fixture
def github(state: GitHubState) -> GitHub:
    credentials = GitHubCredentials(token=SecretStr("tidegate-token"))
    return GitHub(api_url=f"{state.web_url}/api/v3", web_url=state.web_url, credentials=credentials)


@pytest.fixture
def block(state: GitHubState, github: GitHub) -> GitOpsRepository:
    return GitOpsRepository(url=f"{state.web_url}/{REPOSITORY}.git", github=github)


def change(digest: str) -> Change:
    return Change("shop-api", "production", digest, "1" * 40, run="http://ui/1", approved_by="Ada")


def propose(block: GitOpsRepository, digest: str, *, on_newest: bool = False) -> str | None:
    image = ImageReference(IMAGE, "v1", digest)
    made = change(digest)
    return gitops.propose_image.fn(block, MANIFEST, image, made, branch_of(made), on_newest=on_newest)


def open_one(block: GitOpsRepository, github: GitHub, digest: str = B) -> pulls.PullRequest:
    propose(block, digest)
    branch = branch_of(change(digest))
    return pulls.open_pull_request.fn(
        github, REPOSITORY, branch, "main", title="Promote", body="What decides", labels=("promotion",)
    )


def pull_of(state: GitHubState) -> PullRequest:
    return state.repositories[REPOSITORY].pull_requests[-1]


def say(state: GitHubState, login: str, event: str) -> None:
    url = f"{state.web_url}/api/v3/repos/{REPOSITORY}/pulls/{pull_of(state).number}/reviews"
    httpx.post(url, json={"event": event}, headers={"Authorization": f"Bearer {login}-token"}).raise_for_status()


def merge(github: GitHub, pull: pulls.PullRequest, method: str = "squash", head: str = "") -> Merged | Blocked:
    title, _, message = promotion_message(change(B)).partition("\n\n")
    return pulls.merge_pull_request.fn(
        github,
        REPOSITORY,
        pull.number,
        head or pull.head,
        method=method,
        title=title,
        message=message,  # type: ignore[arg-type]
    )


def test_a_proposal_changes_one_line_on_a_branch_of_its_own(state: GitHubState, block: GitOpsRepository) -> None:
    git = state.repositories[REPOSITORY].git
    before = git.head("main")
    proposed = propose(block, B)
    assert (git.head("main"), git.head(branch_of(change(B)))) == (before, proposed)
    assert gitops.image_at.fn(block, MANIFEST, str(proposed)) is not None
    assert gitops.read_desired_state.fn(block, MANIFEST).text == values(A)


def test_a_proposal_that_is_there_stays_as_it_is_until_it_has_to_be_on_the_newest_base(
    state: GitHubState, block: GitOpsRepository
) -> None:
    first = propose(block, B)
    state.commit(REPOSITORY, "main", {MANIFEST.file: values(A).replace("replicas: 3", "replicas: 9")}, "more", **WHO)
    assert propose(block, B) == first
    second = propose(block, B, on_newest=True)
    assert second != first
    assert propose(block, B, on_newest=True) == second
    assert gitops.contains.fn(block, str(state.repositories[REPOSITORY].git.head("main")), str(second)) is True


def test_a_foreign_commit_on_the_branch_is_replaced_only_where_it_took_the_image_away(
    state: GitHubState, block: GitOpsRepository
) -> None:
    propose(block, B)
    branch = branch_of(change(B))
    kept = state.commit(REPOSITORY, branch, {"README.md": "a word\n"}, "explain", **WHO)
    assert propose(block, B) == kept
    state.commit(REPOSITORY, branch, {MANIFEST.file: values(C)}, "another image", **WHO)
    assert propose(block, B) not in (kept, None)


def test_there_is_nothing_to_propose_where_the_base_has_it(state: GitHubState, block: GitOpsRepository) -> None:
    assert propose(block, A) is None
    assert state.repositories[REPOSITORY].git.head(branch_of(change(A))) is None


def test_an_open_pull_request_is_found_again_and_told_anew(
    state: GitHubState, github: GitHub, block: GitOpsRepository
) -> None:
    first = open_one(block, github)
    again = pulls.open_pull_request.fn(
        github, REPOSITORY, branch_of(change(B)), "main", title="Promote", body="More is known", labels=("promotion",)
    )
    assert again.number == first.number
    assert [(p.title, p.body, p.labels) for p in state.repositories[REPOSITORY].pull_requests] == [
        ("Promote", "More is known", ["promotion"])
    ]


def test_one_that_was_closed_is_not_taken_for_an_open_one(
    state: GitHubState, github: GitHub, block: GitOpsRepository
) -> None:
    first = open_one(block, github)
    state.close_pull_request(REPOSITORY, first.number, by="pat")
    assert open_one(block, github).number == first.number + 1


@pytest.mark.parametrize("method", ["squash", "merge", "rebase"])
def test_the_trailers_survive_every_way_of_merging_and_the_change_is_counted_once(
    state: GitHubState, github: GitHub, block: GitOpsRepository, method: str
) -> None:
    pull = open_one(block, github)
    merged = merge(github, pull, method)
    assert isinstance(merged, Merged)
    assert merged.commit == state.repositories[REPOSITORY].git.head("main")
    [known] = gitops.read_history.fn(block, "shop-api", "production")
    assert (known.digest, known.approved_by, known.revision) == (B, "Ada", merged.commit)
    written = gitops.write_image.fn(block, MANIFEST, ImageReference(IMAGE, "v1", B), change(B))
    assert written == gitops.Written(merged.commit, changed=False)
    # After a restart it is found merged, and merged no second time.
    assert merge(github, pull, method) == Merged(merged.commit, "tidegate")


def test_what_a_person_merges_with_github_s_own_message_is_in_the_history_too(
    state: GitHubState, github: GitHub, block: GitOpsRepository
) -> None:
    pull = open_one(block, github)
    for method in ("squash",):
        state.merge_pull_request(REPOSITORY, pull.number, by="pat", method=method)
    [known] = gitops.read_history.fn(block, "shop-api", "production")
    assert (known.digest, known.run) == (B, "http://ui/1")
    seen = pulls.read_pull_request.fn(github, REPOSITORY, pull.number)
    assert decide_pull_request(seen) == Merged(known.revision, "pat")


def test_a_commit_that_came_after_the_decision_is_not_merged(
    state: GitHubState, github: GitHub, block: GitOpsRepository
) -> None:
    pull = open_one(block, github)
    state.commit(REPOSITORY, branch_of(change(B)), {"evil.yaml": "x: 1\n"}, "one more thing", **WHO)
    assert merge(github, pull) == Blocked("Head branch was modified. Review and try the merge again.")
    assert pull_of(state).state == "open"


def test_required_reviews_and_checks_are_waited_for_and_named(
    state: GitHubState, github: GitHub, block: GitOpsRepository
) -> None:
    repository = state.repositories[REPOSITORY]
    repository.protection = Protection(reviews=1, checks=("lint",))
    pull = open_one(block, github)

    def standing() -> object:
        return decide_pull_request(pulls.read_pull_request.fn(github, REPOSITORY, pull.number))

    status = {"context": "lint", "state": "pending"}
    url = f"{state.web_url}/api/v3/repos/{REPOSITORY}/statuses/{pull.head}"
    headers = {"Authorization": "Bearer pat-token"}
    httpx.post(url, json=status, headers=headers).raise_for_status()
    rules = "the rules of its base branch are not kept yet, such as required reviews"
    assert standing() == Blocked(f"checks that have not passed: lint (pending); {rules} (nobody has approved it yet)")
    refused = merge(github, pull)
    assert refused == Blocked("At least 1 approving review is required by reviewers with write access.")
    say(state, "pat", "REQUEST_CHANGES")
    assert standing() == Blocked("pat asked for changes; checks that have not passed: lint (pending)")
    say(state, "pat", "APPROVE")
    say(state, "pat", "COMMENT")
    httpx.post(url, json=status | {"state": "success"}, headers=headers).raise_for_status()
    assert standing() == Ready()
    assert isinstance(merge(github, pull), Merged)


def test_a_branch_that_must_hold_the_newest_base_is_made_again(
    state: GitHubState, github: GitHub, block: GitOpsRepository
) -> None:
    state.repositories[REPOSITORY].protection = Protection(is_strict=True)
    pull = open_one(block, github)
    state.commit(REPOSITORY, "main", {"README.md": "newer\n"}, "newer", **WHO)
    assert isinstance(decide_pull_request(pulls.read_pull_request.fn(github, REPOSITORY, pull.number)), Outdated)
    propose(block, B, on_newest=True)
    again = pulls.read_pull_request.fn(github, REPOSITORY, pull.number)
    assert decide_pull_request(again) == Ready()
    assert isinstance(merge(github, again), Merged)


def test_a_conflict_is_solved_by_making_the_edit_again(
    state: GitHubState, github: GitHub, block: GitOpsRepository
) -> None:
    pull = open_one(block, github)
    gitops.write_image.fn(block, MANIFEST, ImageReference(IMAGE, "v1", C), change(C))
    assert isinstance(decide_pull_request(pulls.read_pull_request.fn(github, REPOSITORY, pull.number)), Outdated)
    propose(block, B, on_newest=True)
    assert isinstance(merge(github, pulls.read_pull_request.fn(github, REPOSITORY, pull.number)), Merged)
    assert gitops.read_desired_state.fn(block, MANIFEST).text == values(B)


def test_only_approvals_of_the_newest_commit_are_current(
    state: GitHubState, github: GitHub, block: GitOpsRepository
) -> None:
    pull = open_one(block, github)
    say(state, "pat", "APPROVE")
    [review] = pulls.read_pull_request.fn(github, REPOSITORY, pull.number).reviews
    assert (review.login, review.is_current) == ("pat", True)
    state.commit(REPOSITORY, branch_of(change(B)), {"more.yaml": "x: 1\n"}, "more", **WHO)
    [review] = pulls.read_pull_request.fn(github, REPOSITORY, pull.number).reviews
    assert (review.login, review.is_current) == ("pat", False)


def test_a_merge_of_our_own_names_nobody(state: GitHubState, github: GitHub, block: GitOpsRepository) -> None:
    pull = open_one(block, github)
    merge(github, pull)
    assert pulls.read_pull_request.fn(github, REPOSITORY, pull.number).merged_by == ""


def test_what_is_superseded_is_closed_with_one_comment_that_names_the_successor(
    state: GitHubState, github: GitHub, block: GitOpsRepository
) -> None:
    repository = state.repositories[REPOSITORY]
    old, other = open_one(block, github), "tidegate/shop-api/staging/aaaaaaaaaaaa"
    state.commit(REPOSITORY, other, {"x.yaml": "x: 1\n"}, "of another place", **WHO)
    state.open_pull_request(REPOSITORY, head=other, base="main", title="Another", author="pat")
    new = open_one(block, github, C)
    family = family_of(change(C))
    assert pulls.close_superseded.fn(github, REPOSITORY, "main", family, new) == 1
    assert pulls.close_superseded.fn(github, REPOSITORY, "main", family, new) == 0
    assert [(p.number, p.state) for p in repository.pull_requests] == [
        (old.number, "closed"),
        (old.number + 1, "open"),
        (new.number, "open"),
    ]
    assert [(comment.issue, comment.body) for comment in repository.comments] == [
        (old.number, f"Superseded by #{new.number}: {new.url}")
    ]
    assert repository.git.head(branch_of(change(B))) is None


def test_the_sandbox_lets_nobody_approve_their_own(state: GitHubState, github: GitHub, block: GitOpsRepository) -> None:
    open_one(block, github)
    with pytest.raises(httpx.HTTPStatusError, match="422"):
        say(state, "tidegate", "APPROVE")
    assert not pull_of(state).reviews

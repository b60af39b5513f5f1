"""An environment that takes pull requests only: what stands in them, who merges them, and what is live afterwards."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterKey
from prefect.flow_runs import resume_flow_run
from ruamel.yaml import YAML

from blocks.registry import ContainerRegistry
from deployments.demo.timeline import Run
from deployments.sandbox.github.records import Protection, PullRequest, Repository
from deployments.sandbox.world import APPLICATION, GITOPS, World
from tasks.domain.proof.kinds import APPROVAL
from tasks.domain.proof.statement import parse_statement
from tasks.registry.referrers import read_attached


@pytest.fixture
def production(world: World, configure) -> Callable[..., None]:
    """Let production be changed by pull requests."""

    def setting(**write: object) -> None:
        known = YAML(typ="safe", pure=True).load(world.delivery_file)["environments"]["production"]
        given = {"mode": "pull-request", "poll-seconds": 0.2, "labels": ["promotion"], **write}
        configure("environments", production=known | {"write": given})

    return setting


@pytest.fixture
def gitops(world: World) -> Iterator[Repository]:
    repository = world.github.repositories[GITOPS]
    yield repository
    repository.protection, repository.squash_merge_commit_message = Protection(), "COMMIT_MESSAGES"


@contextmanager
def meanwhile(repository: Repository, *steps: Callable[[PullRequest], None]) -> Iterator[None]:
    """As soon as another pull request is open, somebody does this with it."""
    known, problems = len(repository.pull_requests), []

    def act() -> None:
        try:
            until(lambda: len(repository.pull_requests) > known)
            for step in steps:
                step(repository.pull_requests[known])
        except BaseException as problem:  # noqa: BLE001 - told by the test's own thread
            problems.append(problem)

    acting = threading.Thread(target=act)
    acting.start()
    yield
    acting.join(60)
    assert not problems


def until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 120
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def question_of(waiting: Run) -> str:
    """What stands above the form: the description of the paused run's input."""
    with get_client(sync_client=True) as client:
        keys = client.read_flow_run(waiting.run_id).state.state_details.run_input_keyset
        return str(json.loads(client.read_flow_run_input(waiting.run_id, keys["description"])))


def approve(waiting: Run) -> None:
    resume_flow_run(waiting.run_id, run_input={"decision": "approve", "approver": "Robin Reviewer", "comment": ""})


def approvals_of(world: World, digest: str) -> list[dict[str, Any]]:
    """The approvals of the image that are attached to it."""
    attached = read_attached.fn(ContainerRegistry(url=world.addresses.registry), APPLICATION, digest, APPROVAL)
    return [dict(parse_statement(one.envelope.payload).predicate) for one in attached]


def no_question(waiting: Run) -> None:
    raise AssertionError(f"{waiting.name} asks for an approval in Prefect")


def test_form_and_pull_request_hold_the_decision_packet_and_it_is_merged_once_its_rules_are_kept(
    world: World, tell, production, gitops: Repository
) -> None:
    production()
    gitops.protection = Protection(reviews=1, code_owners=True)
    owners = {".github/CODEOWNERS": "* @dana\n/apps/ @pat\n"}
    world.github.commit(GITOPS, "main", owners, "Say who owns it", author_name="Pat", author_email="pat@acme.example")
    seen: list[tuple[str, bool]] = []
    questions: list[str] = []
    runs_now = world.read_changes("production")[0]

    def read_and_approve(waiting: Run) -> None:
        questions.append(question_of(waiting))
        approve(waiting)

    def review(pull: PullRequest) -> None:
        # Long enough for a run that does not wait.
        time.sleep(1)
        seen.append((pull.body or "", pull.state == "open"))
        assert pull.asked == ["pat"]
        world.github.review_pull_request(GITOPS, pull.number, by="pat")

    with meanwhile(gitops, review):
        commit, runs = tell(read_and_approve)

    assert runs["production"].state == "Verified"
    pull, change, digest = gitops.pull_requests[-1], world.read_changes("production")[0], world.find_digest(commit)
    [(body, was_open)], [form] = seen, questions
    assert was_open
    for packet in (form, body):
        assert_packet(packet, commit, str(digest), runs_now.source_commit)
    assert "Approved by Robin Reviewer" in body
    assert "### How to answer" in form
    assert (pull.merged_by.login, pull.labels, pull.merge_commit_sha) == ("tidegate", ["promotion"], change.revision)
    assert (change.digest, change.approved_by) == (digest, "Robin Reviewer (name unproven)")
    assert (world.read_environment("production").digest, world.read_environment("production").health) == (
        digest,
        "Healthy",
    )
    assert gitops.git.head(pull.head) is None
    assert len(world.read_changes("production")) == len({one.revision for one in world.read_changes("production")})


def assert_packet(packet: str, commit: str, digest: str, runs_now: str) -> None:
    """All that a decision rests on."""
    short = digest.removeprefix("sha256:")[:12]
    for part in (
        f"## {APPLICATION} {commit[:7]} → production",
        f"/commit/{commit})",
        f"/compare/{runs_now}...{commit})",
        f"`{commit[:7]}` Offer another product — Dana Developer",
        "✓ **unit-tests:** ",
        "**In staging** since ",
        "- signed by key ",
        # How they differ depends on what runs: the sandbox's first release has no SBOM.
        "- Packages",
        "- Vulnerabilities: not known, no check of this application lists them",
        f'+  digest: "sha256:{short}…"',
        "--- Deployment/shop-api-production\n+++ Deployment/shop-api-production\n",
        f"@sha256:{short}…",
    ):
        assert part in packet, f"{part!r} is not in\n{packet}"


def test_a_merge_by_who_may_approve_is_the_approval_and_nobody_is_asked_in_prefect(
    world: World, tell, production, tidegate, gitops: Repository
) -> None:
    """Whoever merges writes the message; the history names who approved all the same."""
    production(approval="pull-request")
    gitops.squash_merge_commit_message = "BLANK"

    def merge(pull: PullRequest) -> None:
        world.github.review_pull_request(GITOPS, pull.number, by="dana")
        time.sleep(1)
        # An author's review is no approval, so nobody has merged it meanwhile.
        assert pull.state == "open"
        world.github.merge_pull_request(GITOPS, pull.number, by="pat", method="squash")

    with meanwhile(gitops, merge):
        commit, runs = tell(no_question)

    assert runs["production"].state == "Verified"
    change = world.read_changes("production")[0]
    pull = gitops.pull_requests[-1]
    assert (change.digest, change.revision) == (world.find_digest(commit), pull.merge_commit_sha)
    assert (change.approved_by, change.reason) == ("pat (GitHub)", f"merged pull request #{pull.number}")
    assert world.read_environment("production").digest == change.digest
    _, said, _ = tidegate("status", "--json")
    [shown] = [one for one in json.loads(said) if one["environment"] == "production"]
    assert (shown["digest"], shown["approved_by"]) == (change.digest, "pat (GitHub)")
    [kept] = approvals_of(world, change.digest)
    assert (kept["approver"]["name"], kept["approver"]["identity"]) == ("pat", "github")
    assert kept["question"].endswith(f"/pull/{pull.number}")


def test_a_merge_queue_is_entered_and_followed_and_what_it_throws_out_is_refused(
    world: World, tell, start, production, gitops: Repository
) -> None:
    production()
    gitops.protection, gitops.squash_merge_commit_message = Protection(merge_queue=True), "BLANK"
    before = world.read_changes("production")[0]

    def throw_out(pull: PullRequest) -> None:
        until(lambda: len(gitops.merge_queue) == 1)
        world.github.finish_queued(GITOPS, pull.number, thrown_out="failed checks")

    with meanwhile(gitops, throw_out):
        commit, runs = tell("approve")
    pull = gitops.pull_requests[-1]

    assert runs["production"].state == "Refused"
    assert f"the merge queue has thrown out pull request #{pull.number}: failed checks" in runs["production"].message
    assert (world.read_changes("production")[0], pull.state) == (before, "open")

    def merge() -> None:
        until(lambda: len(gitops.merge_queue) == 1)
        world.github.finish_queued(GITOPS, pull.number)

    queue = threading.Thread(target=merge)
    queue.start()
    digest = world.find_digest(commit)
    ended = start("promote", application=APPLICATION, environment="production", commit=commit, digest=digest)
    queue.join()

    assert (ended.name, len(gitops.pull_requests)) == ("Verified", pull.number)
    change = world.read_changes("production")[0]
    assert (change.digest, change.revision) == (digest, pull.merge_commit_sha)
    assert change.approved_by == "Robin Reviewer (name unproven)"


def test_what_becomes_of_one_that_is_closed_left_alone_found_again_or_merged_by_an_author(
    world: World, tell, start, production, gitops: Repository
) -> None:
    production(approval="pull-request")
    before = world.read_changes("production")[0]
    with meanwhile(gitops, lambda pull: world.github.close_pull_request(GITOPS, pull.number, by="pat")):
        commit, runs = tell(no_question)
    number = gitops.pull_requests[-1].number

    assert runs["production"].state == "Rejected"
    assert runs["production"].message == f"pull request #{number} was closed without being merged"
    assert world.read_changes("production")[0] == before

    again = {"commit": commit, "digest": world.read_changes("staging")[0].digest}
    production(**{"approval": "pull-request", "wait-seconds": 1})
    left = start("promote", application=APPLICATION, environment="production", **again)
    assert (left.name, gitops.pull_requests[-1].number, gitops.pull_requests[-1].state) == (
        "Expired",
        number + 1,
        "open",
    )
    with get_client(sync_client=True) as client:
        key = ArtifactFilter(key=ArtifactFilterKey(any_=[f"{APPLICATION}-production-pull-request"]))
        told = client.read_artifacts(artifact_filter=key, limit=1, sort="CREATED_DESC")[0].data
    assert f"[Pull request #{number + 1}]" in told
    assert "approvals that are still missing: 1 more" in told
    assert left.message.startswith(
        f"pull request #{number + 1} was not merged in time: approvals that are still missing: 1 more"
    )

    production(approval="pull-request")
    pull = gitops.pull_requests[-1]
    # Who finds it again writes its text anew.
    pull.body = None

    def merge() -> None:
        until(lambda: pull.body is not None)
        world.github.merge_pull_request(GITOPS, pull.number, by="dana", method="squash")

    author = threading.Thread(target=merge)
    author.start()
    ended = start("promote", application=APPLICATION, environment="production", **again)
    author.join()
    assert len(gitops.pull_requests) == number + 1
    assert (ended.name, f"dana merged pull request #{number + 1}, which is not an approval" in ended.message) == (
        "Refused",
        True,
    )
    assert "dana wrote, merged or pushed part of" in ended.message
    # Argo CD rolls out what is merged; the tests after this one find production at rest.
    until(lambda: world.read_environment("production").digest == again["digest"])

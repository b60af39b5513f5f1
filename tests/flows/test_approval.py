"""Who has to approve, and what an answer is worth; each story ends in what the GitOps repository's history says.

The stories about answers are told for both ways to wait: with a process that is paused, and without one.
"""

import json
from collections.abc import Callable
from typing import Any

import pyotp
import pytest
from prefect.client.orchestration import get_client
from prefect.flow_runs import resume_flow_run
from prefect.states import Scheduled
from ruamel.yaml import YAML

from deployments.answers import give_answer, read_question
from deployments.approval_seal import read_seal
from deployments.demo.timeline import Run
from deployments.sandbox.github.conversation import write_comment
from deployments.sandbox.world import REPOSITORY, World
from tasks.approval.ask import question_id
from tasks.approval.people import find_approver
from tasks.domain.approval.seal import Sealed, seal
from tasks.domain.delivery.approval import Identity
from tasks.domain.errors import DeliveryError

Answer = Callable[[Run], None]


def answer(approver: str, decision: str = "approve", **fields: str) -> Answer:
    def answering(waiting: Run) -> None:
        resume_flow_run(waiting.run_id, run_input={"decision": decision, "approver": approver, **fields})

    return answering


def in_turn(*answers: Answer) -> Answer:
    left = iter(answers)

    def answering(waiting: Run) -> None:
        next(left)(waiting)

    return answering


def question_of(waiting: Run) -> str:
    """What stands above the form at this moment."""
    with get_client(sync_client=True) as client:
        keys = client.read_flow_run(waiting.run_id).state.state_details.run_input_keyset
        return json.loads(client.read_flow_run_input(waiting.run_id, keys["description"]))


@pytest.fixture
def approvals(world: World, configure) -> Callable[..., None]:
    """Set the approval policy of production for this test."""

    def setting(**policy: Any) -> None:
        production = YAML(typ="safe", pure=True).load(world.delivery_file)["environments"]["production"]
        configure("environments", production=production | {"approval": policy})

    return setting


def test_two_different_people_have_to_approve_and_both_stand_in_the_commit(
    world: World, tell, approvals, tidegate
) -> None:
    """The author does not count, nor the same person twice; a member of the team does."""
    world.github.teams["acme/release"] = {"grace": "active", "robin": "active", "dana": "active"}
    approvals(approvers=["acme/release", "Ada Lovelace"], required=2)
    questions = []

    def look_and_approve(waiting: Run) -> None:
        questions.append(question_of(waiting))
        code, said, _ = tidegate("why", str(waiting.run_id))
        assert (code, "asks for an approval: " in said) == (3, True)
        assert "Approved by grace (name unproven); ○ Still missing: 1 more of acme/release, Ada Lovelace" in said
        answer("Ada Lovelace", comment="with care")(waiting)

    answers = [answer("dana"), answer("mallory"), answer("grace"), answer("GRACE"), look_and_approve]
    _, runs = tell(in_turn(*answers))

    assert runs["production"].state == "Verified"
    change = world.read_changes("production")[0]
    assert change.approved_by == "grace (name unproven), Ada Lovelace (name unproven)"
    assert change.reason == "with care"
    assert "**Not counted:** GRACE has approved already" in questions[0]
    assert "**Approved by** grace (name unproven)" in questions[0]
    assert "**Still missing:** 1 more of acme/release, Ada Lovelace" in questions[0]


def test_one_rejection_ends_it_although_somebody_has_approved(world: World, tell, approvals) -> None:
    before = world.read_changes("production")[0]
    approvals(required=2)
    _, runs = tell(in_turn(answer("grace"), answer("robin", "reject")))

    assert runs["production"].state == "Rejected"
    assert world.read_changes("production")[0] == before


@pytest.fixture(params=["pause", "suspend"])
def wait(request: pytest.FixtureRequest) -> str:
    return request.param


def test_a_run_that_is_forced_to_go_on_asks_again(world: World, tell, approvals) -> None:
    """With a process it is so too: test_stories has that one."""
    before = world.read_changes("production")[0]
    approvals(wait="suspend")

    def force(waiting: Run) -> None:
        with get_client(sync_client=True) as client:
            client.set_flow_run_state(waiting.run_id, Scheduled(), force=True)

    _, runs = tell(in_turn(force, answer("robin", "reject")))

    assert runs["production"].state == "Rejected"
    assert world.read_changes("production")[0] == before


def test_two_people_one_with_a_code_each_counted_once(
    world: World, tell, approvals, wait, tidegate, monkeypatch
) -> None:
    """One in the terminal, one in the form. What is answered is not asked again, and a code is worth nothing twice."""
    enrol(tidegate, "Ada Lovelace", "--github=ada-l")
    enrol(tidegate, "Grace Hopper")
    approvals(wait=wait, required=2, identity=["one-time-code"], approvers=["ada-l", "grace hopper", "dana"])
    codes, questions = [], []

    def approve_in_the_terminal(waiting: Run) -> None:
        codes.append(code_of("Ada Lovelace"))
        monkeypatch.setenv("TIDEGATE_ONE_TIME_CODE", codes[0])
        exit_code, said, problem = tidegate("approve", "shop-api", "production", "--as=ada-l", "--yes")
        assert exit_code == 0, problem
        assert "Offer another product — Dana Developer" in " ".join(said.split())
        assert "\\n" not in said
        assert "Approved by Ada Lovelace (one-time code); ○ Still missing: 1 more of ada-l" in said
        code, _, problem = tidegate("approve", "shop-api", "production", "--as=Ada Lovelace", "--yes")
        assert (code, "this code of Ada Lovelace has been used before" in problem) == (1, True)
        assert codes[0] not in said

    def approve_with_the_form(waiting: Run) -> None:
        questions.append(question_of(waiting))
        codes.append(code_of("Grace Hopper"))
        answer("grace hopper", code=codes[1])(waiting)

    wrong = answer("Ada Lovelace", code="000000" if code_of("Ada Lovelace") != "000000" else "111111")
    claimed = answer("dana")
    _, runs = tell(in_turn(wrong, claimed, approve_in_the_terminal, approve_with_the_form))

    assert runs["production"].state == "Verified"
    change = world.read_changes("production")[0]
    assert change.approved_by == "Ada Lovelace (one-time code), Grace Hopper (one-time code)"
    assert "**Approved by** Ada Lovelace (one-time code)" in questions[0]
    assert "**Still missing:** 1 more of ada-l, grace hopper, dana" in questions[0]
    assert "**Not counted:** this code of Ada Lovelace has been used before" in questions[0]
    assert not any(code in text for code in codes for text in logged(runs["production"]))


def test_an_answer_to_an_earlier_question_is_refused(tell, approvals) -> None:
    stale = []

    def keep_the_question(waiting: Run) -> None:
        stale.append(read_question(waiting.run_id))
        answer("dana")(waiting)

    def answer_the_first_one(waiting: Run) -> None:
        with pytest.raises(DeliveryError, match="has asked anew"):
            give_answer(stale[0], "approve", "robin", "")
        answer("robin", "reject")(waiting)

    approvals()
    _, runs = tell(in_turn(keep_the_question, answer_the_first_one))
    assert runs["production"].state == "Rejected"


def test_who_answers_on_github_is_known_by_the_webhooks_word(world: World, tell, approvals) -> None:
    """And nobody can say the same in the form, nor use that word for another answer."""
    world.github.teams["acme/release"] = {"grace": "active"}
    approvals(approvers=["acme/release"], identity=["github"])
    sealed = []

    def forge(waiting: Run) -> None:
        question = read_question(waiting.run_id)
        words = Sealed(question_id(str(waiting.run_id), question.key), "approve", "grace", Identity.GITHUB)
        sealed.append(seal(words, read_seal()))
        answer("mallory", code=sealed[0])(waiting)

    def replay(waiting: Run) -> None:
        answer("grace", code=sealed[0])(waiting)

    world.github.add_user("grace")
    world.push("Talk about it", {"TALK.md": "Is it time?\n"}, branch="talk")
    pull = world.github.open_pull_request(REPOSITORY, head="talk", base="main", title="Talk", author="dana", draft=True)

    comments = []

    def comment_on_github(login: str, command: str) -> Callable[[Run], None]:
        def commenting(waiting: Run) -> None:
            text = f"{command} {waiting.name.split()[1]} well done"
            comments.append(write_comment(world.github, REPOSITORY, pull.number, login, text))
            world.github.wait_for_deliveries()

        return commenting

    def write_nonsense_first(waiting: Run) -> None:
        comments.append(write_comment(world.github, REPOSITORY, pull.number, "grace", "/approve production"))
        comment_on_github("grace", "/approve nowhere")(waiting)
        comment_on_github("mallory", "/approve production")(waiting)

    world.github.add_user("mallory")
    right = comment_on_github("grace", "/approve production")
    _, runs = tell(in_turn(answer("grace"), forge, replay, write_nonsense_first, right))

    assert runs["production"].state == "Verified"
    assert world.read_changes("production")[0].approved_by == "grace (GitHub)"
    # Each is told on GitHub what came of it.
    signs = [["confused"], ["confused"], ["eyes", "confused"], ["eyes"]]
    world.wait_until(
        lambda: [[sign for sign, _ in one.reactions] for one in comments] == signs, "everybody has an answer"
    )
    replies = [one.body for one in world.github.repositories[REPOSITORY].comments if one.issue == pull.number]
    for comment, said in (
        (comments[0], "the command has to be `/approve ENVIRONMENT COMMIT`"),
        (comments[1], "no promotion of shop-api to nowhere waits for an approval"),
        (comments[2], "mallory "),
    ):
        [reply] = [one for one in replies if one.startswith(f"<!-- tidegate: answer to {comment.id} -->\n")]
        assert said in reply


def enrol(tidegate: Callable[..., tuple[int, str, str]], *arguments: str) -> None:
    name = arguments[0]
    tidegate("approver", "remove", name)
    code, said, problem = tidegate("approver", "add", *arguments)
    assert code == 0, problem
    assert f"otpauth://totp/Tidegate:{name.replace(' ', '%20')}?secret=" in said


def code_of(name: str) -> str:
    secret = find_approver.fn(name).secret.get_secret_value()
    return pyotp.TOTP(secret).now()


def logged(run: Run) -> list[str]:
    """All that the run wrote into its log and its artifacts."""
    mine = {"flow_run_id": {"any_": [str(run.run_id)]}}
    with get_client(sync_client=True) as client:
        logs = client.request("POST", "/logs/filter", json={"logs": mine, "limit": 200}).json()
        artifacts = client.request("POST", "/artifacts/filter", json={"artifacts": mine}).json()
    return [entry["message"] for entry in logs] + [json.dumps(one["data"]) for one in artifacts]

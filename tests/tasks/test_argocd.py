"""Following rollouts over real HTTP against recorded answers of Argo CD."""

import asyncio
import base64
import json
import time
from collections import deque
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from prefect.logging import disable_run_logger
from pydantic import SecretStr
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from blocks.argocd import ArgoCDServer
from deployments.sandbox.server import serve
from tasks.argocd.rollout import confirm_environment, preflight, wait_for_rollout
from tasks.domain.delivery.rollout import ArgoCDTarget, RolloutTimeouts
from tasks.domain.errors import AccessRefused, ConfigurationError, InvalidManifest, Unreachable
from tasks.domain.image import ImageReference, parse_image
from tasks.domain.rollout.facts import Expectation, Health
from tasks.domain.rollout.readiness import Readiness
from tasks.domain.rollout.verdict import RolloutKind, RolloutVerdict
from tasks.domain.verdict import Outcome

Json = dict[str, Any]
DATA = Path(__file__).parent.parent / "data" / "argocd"
TOKEN = "the-right-token"
COMMIT = "c0ffee00" * 5
DIGEST = "sha256:" + "ab" * 32
IMAGE = f"registry.example.com/myapp@{DIGEST}"


def recorded(name: str) -> Json:
    """One of the recorded answers, to be changed at will."""
    value: Json = json.loads((DATA / f"{name}.json").read_text())
    return value


def rolled_out(**health: str) -> Json:
    """The recorded application at our commit, Synced, with this health."""
    application = recorded("05-progressing-synced")
    application["status"]["health"] = {"status": "Healthy", "lastTransitionTime": "2025-09-05T10:00:30Z"} | health
    return application


def managed(target: str = IMAGE, live: str = IMAGE) -> Json:
    """What GET managed-resources answers for one Deployment."""

    def state(image: str) -> str:
        return json.dumps({"kind": "Deployment", "spec": {"template": {"spec": {"containers": [{"image": image}]}}}})

    return {"items": [{"kind": "Deployment", "name": "myapp", "targetState": state(target), "liveState": state(live)}]}


@dataclass
class StandIn:
    """What the next requests are answered with; the last application stays."""

    applications: deque[Json] = field(default_factory=deque)
    managed: Json = field(default_factory=managed)
    tree: Json = field(default_factory=lambda: {"nodes": []})
    windows: Json = field(default_factory=lambda: {"canSync": True})
    can_sync: str = "yes"
    sync_answers: deque[Response] = field(default_factory=deque)
    faults: deque[Response] = field(default_factory=deque)
    refresh_hangs: bool = False
    requests: list[tuple[str, str, dict[str, str]]] = field(default_factory=list)
    syncs: list[Json] = field(default_factory=list)

    def refreshes(self) -> list[str]:
        return [query["refresh"] for _, _, query in self.requests if "refresh" in query]

    async def answer(self, request: Request) -> Response:
        query = dict(request.query_params)
        if request.url.path.endswith("/stream/applications"):
            # These tests are about looks; the stream has its own.
            return refusal(403, 7, "permission denied")
        self.requests.append((request.method, request.url.path, query))
        if self.faults:
            return self.faults.popleft()
        if request.headers.get("Authorization") != f"Bearer {TOKEN}":
            return refusal(401, 16, "invalid session: token is malformed")
        if request.method == "POST":
            return await self.sync(request)
        if query.get("project") != "default":
            return refusal(403, 7, "permission denied")
        return await self.get(request, query)

    async def get(self, request: Request, query: dict[str, str]) -> Response:
        path = request.url.path.removeprefix("/api/v1/")
        parts = {"managed-resources": self.managed, "resource-tree": self.tree, "syncwindows": self.windows}
        if path.startswith("account/can-i/applications/sync/default/myapp"):
            return JSONResponse({"value": self.can_sync})
        name, _, part = path.removeprefix("applications/").partition("/")
        if name != "myapp":
            return refusal(404, 5, f'applications.argoproj.io "{name}" not found')
        if part:
            return JSONResponse(parts[part])
        while self.refresh_hangs and "refresh" in query and not await request.is_disconnected():
            await asyncio.sleep(0.01)
        return JSONResponse(self.applications.popleft() if len(self.applications) > 1 else self.applications[0])

    async def sync(self, request: Request) -> Response:
        if request.headers.get("Content-Type") != "application/json":
            return Response("Invalid content type", 415, media_type="text/plain")
        self.syncs.append(await request.json())
        if self.sync_answers:
            return self.sync_answers.popleft()
        self.applications = deque([synced_by_hand()])
        return JSONResponse(deepcopy(self.applications[0]))


def synced_by_hand() -> Json:
    """Our commit applied, in an application without auto-sync."""
    application = rolled_out()
    del application["spec"]["syncPolicy"]["automated"]
    return application


def refusal(status: int, code: int, message: str) -> Response:
    """An error as grpc-gateway writes it."""
    return JSONResponse({"error": message, "message": message, "code": code}, status)


def page(status: int) -> Response:
    """An error as an ingress writes it."""
    return Response("<html><h1>nginx</h1></html>", status, media_type="text/html")


@pytest.fixture(autouse=True)
def _without_a_run() -> Iterator[None]:
    with disable_run_logger():
        yield


@pytest.fixture(scope="module")
def places() -> Iterator[tuple[str, list[StandIn]]]:
    """One server for all tests, and the stand-in of the test that runs."""
    current: list[StandIn] = []

    async def answer(request: Request) -> Response:
        return await current[0].answer(request)

    with serve(Starlette(routes=[Route("/api/v1/{rest:path}", answer, methods=["GET", "POST"])])) as url:
        yield url, current


@pytest.fixture
def url(places: tuple[str, list[StandIn]]) -> str:
    return places[0]


@pytest.fixture
def argocd(places: tuple[str, list[StandIn]]) -> StandIn:
    places[1][:] = [StandIn(deque([rolled_out()]))]
    return places[1][0]


@pytest.fixture
def server(url: str, argocd: StandIn) -> ArgoCDServer:
    return ArgoCDServer(url=url, token=SecretStr(TOKEN))


TARGET = ArgoCDTarget(application="myapp")
REPOSITORY = "git@gitee.com:finley/argocd-demo"
QUICK = RolloutTimeouts(
    detect_seconds=60,
    sync_seconds=60,
    healthy_seconds=60,
    settle_seconds=0,
    degraded_grace_seconds=0,
    poll_seconds=0.02,
)
LATER, EARLIER, BESIDE = "d" * 40, "39313e1c4af397986a5e1bbb53bde6fef15d6a50", "b" * 40


def contains(ancestor: str, revision: str) -> bool | None:
    """A history of three commits and one beside it."""
    line = [EARLIER, COMMIT, LATER]
    if BESIDE in (ancestor, revision):
        return False
    return line.index(ancestor) <= line.index(revision)


def follow(
    server: ArgoCDServer,
    at_revision: dict[str, ImageReference] | None = None,
    *,
    target: ArgoCDTarget = TARGET,
    pushed_at: datetime | None = None,
    **seconds: float,
) -> RolloutVerdict:
    timeouts = QUICK.model_copy(update=seconds)
    expectation = Expectation(
        "staging", COMMIT, parse_image(IMAGE), pushed_at or datetime.now(UTC), REPOSITORY, "master", timeouts
    )
    return wait_for_rollout.fn(server, target, expectation, contains, (at_revision or {}).get)


def look_first(server: ArgoCDServer, **changes: Any) -> Readiness:
    arguments = {"repository": REPOSITORY, "branch": "master", "file": "demo/values.yaml"} | changes
    return preflight.fn(server, changes.pop("target", TARGET), **{k: v for k, v in arguments.items() if k != "target"})


def test_a_rollout_is_followed_from_the_old_release_to_the_new_one(argocd: StandIn, server: ArgoCDServer) -> None:
    argocd.applications = deque(
        [
            recorded("app-healthy-synced-rest-v3"),
            recorded("01-operation-just-requested"),
            recorded("02-operation-running-presync-hook"),
            recorded("03-operation-retry-backoff-running-with-finishedAt"),
            recorded("05-progressing-synced"),
            rolled_out(),
        ]
    )

    answer = follow(server)

    assert answer.kind is RolloutKind.CONFIRMED
    assert len(argocd.applications) == 1
    assert argocd.refreshes()[0] == "normal"
    assert {method for method, _, _ in argocd.requests} == {"GET"}
    assert {query["project"] for _, _, query in argocd.requests} == {"default"}


def test_the_release_before_is_not_taken_for_the_new_one(argocd: StandIn, server: ArgoCDServer) -> None:
    argocd.applications = deque([recorded("app-healthy-synced-rest-v3")])

    answer = follow(server, detect_seconds=0)

    assert answer.kind is RolloutKind.TIMED_OUT
    assert "Argo CD sees 39313e1, not yet c0ffee0" in answer.verdict.reason
    # Before the commit is seen there is no reason to ask for what may be megabytes.
    assert not any("managed-resources" in path for _, path, _ in argocd.requests)


def test_a_repeated_refresh_becomes_a_hard_one_once(argocd: StandIn, server: ArgoCDServer) -> None:
    argocd.applications = deque([recorded("app-healthy-synced-rest-v3")] * 25 + [rolled_out()])

    assert follow(server, poll_seconds=0.01).kind is RolloutKind.CONFIRMED
    assert argocd.refreshes()[:4] == ["normal", "normal", "normal", "hard"]
    assert argocd.refreshes().count("hard") == 1


def test_a_pod_that_cannot_pull_ends_the_wait_early(argocd: StandIn, server: ArgoCDServer) -> None:
    argocd.applications = deque([recorded("05-progressing-synced")])
    argocd.tree = recorded("09-resource-tree-imagepullbackoff")

    answer = follow(server)

    assert answer.kind is RolloutKind.POD_FAILED
    assert answer.verdict.reason.startswith("staging: pod myapp-5c9f6d7b8-zzzzz: ImagePullBackOff since ")
    words = f'(Back-off pulling image "{IMAGE}")'
    assert f"pod myapp-5c9f6d7b8-zzzzz: ImagePullBackOff, 0 restarts {words}" in answer.evidence


@pytest.mark.parametrize(
    ("name", "kind", "words"),
    [
        ("04-operation-failed-syncerror", RolloutKind.SYNC_FAILED, 'Deployment.apps "myapp" is invalid'),
        ("06-degraded-progress-deadline", RolloutKind.DEGRADED, '"myapp" exceeded its progress deadline'),
        ("08-comparisonerror-sync-unknown", RolloutKind.RENDER_FAILED, "`kustomize build` failed"),
    ],
)
def test_a_failure_is_told_with_argo_cds_own_words(
    argocd: StandIn, server: ArgoCDServer, name: str, kind: RolloutKind, words: str
) -> None:
    argocd.applications = deque([recorded(name)])
    whole_time = 10**9

    answer = follow(
        server,
        # The recorded times count from this push.
        pushed_at=datetime(2025, 9, 5, 10, 0, tzinfo=UTC),
        detect_seconds=whole_time,
        sync_seconds=whole_time,
        healthy_seconds=whole_time,
    )

    assert answer.kind is kind
    assert words in answer.verdict.reason


def test_a_paused_canary_is_named_when_the_time_is_over(argocd: StandIn, server: ArgoCDServer) -> None:
    argocd.applications = deque([recorded("07-suspended-rollout-canary-pause")])

    answer = follow(server, healthy_seconds=0)

    assert answer.kind is RolloutKind.TIMED_OUT
    assert "it is Suspended; Rollout myapp is Suspended: CanaryPauseStep" in answer.verdict.reason


def test_a_rendering_of_another_image_is_not_ours(argocd: StandIn, server: ArgoCDServer) -> None:
    argocd.managed = managed(target="registry.example.com/myapp:v1")

    answer = follow(server, sync_seconds=0)

    assert answer.kind is RolloutKind.TIMED_OUT
    assert f"does not name {IMAGE}" in answer.verdict.reason


@pytest.mark.parametrize("digest", [DIGEST, "sha256:" + "0" * 64])
@pytest.mark.parametrize("revision", [LATER, BESIDE])
def test_another_commit_counts_as_ours_only_with_our_image(
    argocd: StandIn, server: ArgoCDServer, revision: str, digest: str
) -> None:
    argocd.applications[0]["status"]["sync"]["revision"] = revision

    answer = follow(server, {revision: ImageReference("registry.example.com/myapp", digest=digest)})

    assert answer.kind is (RolloutKind.CONFIRMED if digest == DIGEST else RolloutKind.SUPERSEDED)
    assert answer.calls_for_rollback is False


def test_a_file_that_somebody_broke_later_does_not_stop_the_wait(argocd: StandIn, server: ArgoCDServer) -> None:
    argocd.applications[0]["status"]["sync"]["revision"] = LATER
    expectation = Expectation("staging", COMMIT, parse_image(IMAGE), datetime.now(UTC), REPOSITORY, "master", QUICK)

    def image_at(revision: str) -> ImageReference | None:
        raise InvalidManifest(f"no image at {revision}")

    assert wait_for_rollout.fn(server, TARGET, expectation, contains, image_at).kind is RolloutKind.CONFIRMED


def test_history_that_is_not_known_yet_is_asked_for_again(argocd: StandIn, server: ArgoCDServer) -> None:
    argocd.applications[0]["status"]["sync"]["revision"] = LATER
    answers: deque[bool | None] = deque([None, None, True])
    expectation = Expectation("staging", COMMIT, parse_image(IMAGE), datetime.now(UTC), REPOSITORY, "master", QUICK)

    answer = wait_for_rollout.fn(
        server, TARGET, expectation, lambda *_: answers.popleft(), lambda _: parse_image(IMAGE)
    )

    assert answer.kind is RolloutKind.CONFIRMED
    assert not answers


def test_a_refresh_that_hangs_holds_nothing_up(argocd: StandIn, server: ArgoCDServer) -> None:
    argocd.refresh_hangs = True

    assert follow(server).kind is RolloutKind.CONFIRMED
    assert argocd.refreshes() == ["normal"]


def test_an_ingress_in_trouble_is_waited_for(argocd: StandIn, server: ArgoCDServer) -> None:
    limited = Response("slow down", 429, headers={"Retry-After": "0"})
    argocd.faults = deque([page(502), page(503), limited, refusal(500, 2, "application refresh deadline exceeded")])

    assert follow(server).kind is RolloutKind.CONFIRMED


def test_an_argo_cd_that_stays_silent_is_no_verdict(argocd: StandIn, server: ArgoCDServer) -> None:
    argocd.faults = deque([page(502)] * 100)

    with pytest.raises(
        Unreachable, match=r"Argo CD at http://127.* answered 502: something in front of Argo CD answered"
    ):
        follow(server, healthy_seconds=0)


def test_an_argo_cd_that_is_not_there_is_no_verdict() -> None:
    with serve(Starlette()) as url:
        pass

    with pytest.raises(Unreachable, match="does not answer"):
        follow(ArgoCDServer(url=url, token=SecretStr(TOKEN)), healthy_seconds=0)


def test_a_sync_window_is_named(argocd: StandIn, server: ArgoCDServer) -> None:
    argocd.applications[0]["status"]["sync"]["status"] = "OutOfSync"
    argocd.windows = {"activeWindows": [{"kind": "deny"}], "assignedWindows": [{"kind": "deny"}], "canSync": True}

    answer = follow(server, window_seconds=0)

    assert "a sync window of the Argo CD project keeps the change back" in answer.verdict.reason


REFUSALS = [
    (
        refusal(401, 16, "invalid session: token is revoked"),
        AccessRefused,
        r"does not accept the token \(invalid session",
    ),
    (refusal(403, 7, "permission denied"), AccessRefused, r"lacks the right `applications, get` on default/myapp"),
    (page(403), AccessRefused, "something in front of Argo CD answered"),
    (refusal(404, 5, "not found"), ConfigurationError, "no application 'myapp' in project 'default'"),
    (PlainTextResponse("Not Found", 404), ConfigurationError, "does not serve its API there"),
    (page(200), ConfigurationError, "answered no JSON"),
    (RedirectResponse("https://sso.example/login?state=abc"), ConfigurationError, "sends on to sso.example; "),
    (refusal(400, 9, "application is deleting"), ConfigurationError, "answered 400: application is deleting"),
]


@pytest.mark.parametrize(("response", "error", "words"), REFUSALS)
def test_a_refusal_says_what_to_do_before_and_during_the_wait(
    argocd: StandIn, server: ArgoCDServer, response: Response, error: type[Exception], words: str
) -> None:
    argocd.faults = deque([response])
    with pytest.raises(error, match=words):
        look_first(server)
    argocd.faults = deque([response])
    with pytest.raises(error, match=words):
        follow(server)


def test_a_wrong_token_is_refused_and_not_shown(argocd: StandIn, url: str) -> None:
    with pytest.raises(AccessRefused) as refused:
        look_first(ArgoCDServer(url=url, token=SecretStr("a-wrong-token")))

    assert "a-wrong-token" not in str(refused.value)


def test_an_application_that_is_not_there_is_named(server: ArgoCDServer) -> None:
    with pytest.raises(ConfigurationError, match="no application 'misnamed' in project 'default'"):
        look_first(server, target=ArgoCDTarget(application="misnamed"))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"repository": "https://gitee.com/finley/other.git"}, "follows https://gitee.com/finley/argocd-demo.git, not"),
        ({"file": "apps/values.yaml"}, "does not use apps/values.yaml: its value files are demo/values-staging.yaml"),
    ],
)
def test_an_application_that_follows_something_else_is_refused(
    argocd: StandIn, server: ArgoCDServer, changes: dict[str, str], words: str
) -> None:
    argocd.applications[0]["spec"]["source"]["helm"] = {"valueFiles": ["values-staging.yaml"]}

    with pytest.raises(ConfigurationError, match=words):
        look_first(server, **changes)


def test_an_application_that_follows_another_branch_is_refused(argocd: StandIn, server: ArgoCDServer) -> None:
    argocd.applications[0]["spec"]["source"]["targetRevision"] = "release"

    with pytest.raises(ConfigurationError, match=r"follows release of .*, not branch master"):
        look_first(server)


def test_the_first_look_tells_how_the_application_is(argocd: StandIn, server: ArgoCDServer) -> None:
    status = look_first(server).status

    assert (status.revision, status.health, status.auto_sync) == (COMMIT, Health.HEALTHY, True)
    assert not any("can-i" in path for _, path, _ in argocd.requests)


def token_that_ends(seconds: float) -> SecretStr:
    claims = base64.urlsafe_b64encode(json.dumps({"exp": int(time.time() + seconds)}).encode()).decode().rstrip("=")
    return SecretStr(f"e30.{claims}.c2ln")


@pytest.mark.parametrize(("ends", "needed"), [(-10, 0), (600, 900)])
def test_a_token_that_ends_too_early_is_refused_before_it_is_used(
    argocd: StandIn, url: str, ends: float, needed: int
) -> None:
    with pytest.raises(AccessRefused, match=r"ends at .* UTC; put one that lasts longer into the block"):
        look_first(ArgoCDServer(url=url, token=token_that_ends(ends)), lasting_seconds=needed)
    assert argocd.requests == []


def out_of_sync_by_hand() -> Json:
    application = synced_by_hand()
    application["status"]["sync"]["status"] = "OutOfSync"
    del application["status"]["operationState"]
    return application


def test_an_application_without_auto_sync_is_synced_once(argocd: StandIn, server: ArgoCDServer) -> None:
    argocd.applications = deque([out_of_sync_by_hand()])

    assert follow(server).kind is RolloutKind.CONFIRMED
    assert argocd.syncs == [
        {
            "project": "default",
            "revision": COMMIT,
            "prune": False,
            "infos": [{"name": "tidegate-revision", "value": COMMIT}],
        }
    ]


def test_a_sync_is_asked_for_again_when_another_one_was_under_way(argocd: StandIn, server: ArgoCDServer) -> None:
    argocd.applications = deque([out_of_sync_by_hand()])
    argocd.sync_answers = deque(
        [
            refusal(400, 9, "another operation is already in progress"),
            refusal(403, 7, "cannot sync: blocked by sync window"),
        ]
    )

    assert follow(server).kind is RolloutKind.CONFIRMED
    assert len(argocd.syncs) == 3


def test_a_missing_right_to_sync_is_named_before_and_during_the_wait(argocd: StandIn, server: ArgoCDServer) -> None:
    argocd.applications = deque([out_of_sync_by_hand()])
    argocd.can_sync = "no"
    argocd.sync_answers = deque([refusal(403, 7, "permission denied: applications, sync, default/myapp, sub: ci")])

    with pytest.raises(AccessRefused, match="lacks the right `applications, sync` on default/myapp"):
        look_first(server)
    with pytest.raises(AccessRefused, match="lacks the right `applications, sync` on default/myapp"):
        follow(server)


def test_what_an_application_set_syncs_is_left_to_it(argocd: StandIn, server: ArgoCDServer) -> None:
    argocd.applications = deque([out_of_sync_by_hand()])
    argocd.applications[0]["metadata"]["ownerReferences"] = [{"kind": "ApplicationSet", "name": "all"}]

    assert follow(server, sync_seconds=0).kind is RolloutKind.TIMED_OUT
    assert argocd.syncs == []


def test_an_application_outside_argo_cds_namespace_is_asked_for_there(argocd: StandIn, server: ArgoCDServer) -> None:
    target = ArgoCDTarget(application="myapp", namespace="teams")

    assert follow(server, target=target).kind is RolloutKind.CONFIRMED
    assert {query["appNamespace"] for _, _, query in argocd.requests} == {"teams"}


def test_an_environment_is_confirmed_as_it_is_now(argocd: StandIn, server: ArgoCDServer) -> None:
    argocd.applications[0]["status"]["reconciledAt"] = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"

    assert confirm_environment.fn(server, TARGET, parse_image(IMAGE)).has_passed
    assert argocd.refreshes() == ["normal"]


def test_an_unhealthy_environment_is_not_confirmed(argocd: StandIn, server: ArgoCDServer) -> None:
    argocd.applications = deque([recorded("06-degraded-progress-deadline")])

    verdict = confirm_environment.fn(server, TARGET, parse_image(IMAGE))

    assert verdict.has_failed
    assert "exceeded its progress deadline" in verdict.reason


def test_an_answer_that_nobody_renewed_confirms_nothing(argocd: StandIn, server: ArgoCDServer) -> None:
    argocd.refresh_hangs = True

    verdict = confirm_environment.fn(server, TARGET, parse_image(IMAGE), refresh_seconds=0.1)

    assert verdict.outcome is Outcome.PENDING
    assert "Argo CD has not looked at it for a while" in verdict.reason

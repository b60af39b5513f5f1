"""The sandbox's Argo CD over real HTTP and a real git repository; its cluster is a small one that does as told."""

import json
import os
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import jsonschema
import pytest

from deployments.sandbox.argocd.accounts import EVERYTHING, READ_EVERYTHING, Right
from deployments.sandbox.argocd.protocol import create_app
from deployments.sandbox.argocd.state import ArgoCDState
from deployments.sandbox.argocd.timing import Timing
from deployments.sandbox.argocd.told_cluster import ToldCluster
from deployments.sandbox.argocd.windows import SyncWindow
from deployments.sandbox.server import serve

DATA = Path(__file__).parents[1] / "data" / "argocd"
OLD, NEW = (f"127.0.0.1:5000/shop-api@sha256:{digit * 64}" for digit in "12")
# Nothing happens by itself here: every comparison is asked for by a refresh, an operation or the cluster.
QUIET = Timing(comparison_poll=3600, reaction=0.01, health_lag=0.05, operation_takes=0.02, after_operation=0.02)


class GitOps:
    """A bare repository with a work tree beside it."""

    def __init__(self, folder: Path) -> None:
        self.bare, self._tree = folder / "gitops.git", folder / "tree"
        self.git(folder, "init", "--quiet", "--bare", "--initial-branch=main", str(self.bare))
        self.git(folder, "clone", "--quiet", str(self.bare), str(self._tree))
        self.git(self._tree, "checkout", "--quiet", "-B", "main")

    @property
    def url(self) -> str:
        return self.bare.as_uri()

    def commit(self, files: dict[str, str | None], message: str = "Change the desired state") -> str:
        for path, text in files.items():
            (self._tree / path).parent.mkdir(parents=True, exist_ok=True)
            if text is None:
                (self._tree / path).unlink()
            else:
                (self._tree / path).write_text(text)
        self.git(self._tree, "add", "--all")
        self.git(self._tree, "-c", "user.name=Ada", "-c", "user.email=ada@example.com", "commit", "-qm", message)
        self.git(self._tree, "push", "--quiet", "origin", "main")
        return self.git(self._tree, "rev-parse", "HEAD").strip()

    @staticmethod
    def git(folder: Path, *arguments: str) -> str:
        environment = {"PATH": os.environ["PATH"], "HOME": str(folder), "GIT_CONFIG_NOSYSTEM": "1"}
        done = subprocess.run(
            ["git", *arguments], cwd=folder, env=environment, check=True, capture_output=True, text=True
        )
        return done.stdout


def deployment(image: str, name: str = "shop-api") -> str:
    pod = {"metadata": {"labels": {"app": name}}, "spec": {"containers": [{"name": "main", "image": image}]}}
    spec = {"replicas": 1, "selector": {"matchLabels": {"app": name}}, "template": pod}
    return json.dumps({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name}, "spec": spec})


SERVICE = """\
apiVersion: v1
kind: Service
metadata:
  name: shop-api
spec:
  selector: {app: shop-api}
  ports: [{port: 80, targetPort: 8080}]
"""


def application(
    url: str, name: str = "shop-api-staging", automated: dict[str, Any] | None = None, **spec: Any
) -> dict[str, Any]:
    policy = {} if automated is None else {"syncPolicy": {"automated": automated}}
    source = {} if "sources" in spec else {"source": {"repoURL": url, "path": "demo", "targetRevision": "main"}}
    destination = {"server": "https://kubernetes.default.svc", "namespace": "staging"}
    whole = {"project": "default", "destination": destination, **source, **policy, **spec}
    return {"apiVersion": "argoproj.io/v1alpha1", "kind": "Application", "metadata": {"name": name}, "spec": whole}


class Server:
    """The state, a client with every right, and what tests ask again and again."""

    def __init__(self, state: ArgoCDState, url: str, gitops: GitOps, cluster: ToldCluster) -> None:
        self.state, self.url, self.gitops, self.cluster = state, url, gitops, cluster
        state.accounts.add("ci", rights=EVERYTHING, password="secret")
        self.token = state.accounts.issue_token("ci")
        self.client = self.client_with(self.token)
        self.faults = state.faults.of("shop-api-staging")

    def client_with(self, token: str) -> httpx.Client:
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        return httpx.Client(base_url=self.url, headers=headers, timeout=20)

    def get(self, name: str = "shop-api-staging", **query: str) -> dict[str, Any]:
        answer = self.client.get(f"/api/v1/applications/{name}", params=query)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def until(self, claim: Callable[[dict[str, Any]], object], name: str = "shop-api-staging") -> dict[str, Any]:
        deadline = time.monotonic() + 15
        while not claim(found := self.get(name)):
            assert time.monotonic() < deadline, json.dumps(found.get("status"), indent=1)
            time.sleep(0.02)
        return found

    def settled(self, name: str = "shop-api-staging") -> dict[str, Any]:
        return self.until(is_settled, name)

    def commit_image(self, image: str) -> str:
        return self.gitops.commit({"demo/deployment.yaml": deployment(image)})


def is_settled(found: dict[str, Any]) -> bool:
    status = found["status"]
    state = status.get("operationState") or {}
    ended = "operation" not in found and state.get("phase") == "Succeeded"
    is_good = status.get("sync", {}).get("status") == "Synced" and status.get("health", {}).get("status") == "Healthy"
    return ended and is_good and status["reconciledAt"] >= state["finishedAt"]


@pytest.fixture
def gitops(tmp_path: Path) -> GitOps:
    made = GitOps(tmp_path)
    made.commit({"demo/deployment.yaml": deployment(OLD), "demo/service.yaml": SERVICE, "README.md": "Desired state"})
    return made


@pytest.fixture
def server(gitops: GitOps) -> Iterator[Server]:
    cluster = ToldCluster()
    with ArgoCDState(cluster, timing=QUIET) as state, serve(create_app(state)) as url:
        yield Server(state, url, gitops, cluster)


@pytest.fixture
def automated(server: Server) -> Server:
    """With one Application that syncs by itself and has done so once."""
    server.state.apply_application(application(server.gitops.url, automated={"prune": True, "selfHeal": True}))
    server.settled()
    return server


@pytest.fixture
def manual(server: Server) -> Server:
    server.state.apply_application(application(server.gitops.url))
    server.until(lambda a: a["status"].get("sync", {}).get("status") == "OutOfSync")
    return server


@pytest.fixture(scope="session")
def swagger() -> dict[str, Any]:
    """Argo CD's definitions, stricter than they are: a field that they do not name is a mistake."""
    document = json.loads((DATA / "swagger.json").read_text())
    definitions = document["definitions"]
    # A node is its reference and more: as one definition, so that the reference may be strict too.
    node, reference = definitions["v1alpha1ResourceNode"], definitions["v1alpha1ResourceRef"]
    node["properties"] = node.get("properties", {}) | reference["properties"]
    node.pop("allOf", None)
    for definition in definitions.values():
        if definition.get("properties"):
            definition.setdefault("additionalProperties", False)
    return document


def check(swagger: dict[str, Any], definition: str, payload: object) -> None:
    jsonschema.Draft4Validator(swagger | {"$ref": f"#/definitions/{definition}"}).validate(payload)


def shape(value: Any) -> Any:
    """The names of the fields at every level; a list is what its elements have together."""
    if isinstance(value, dict):
        return {name: shape(inner) for name, inner in value.items()}
    if isinstance(value, list):
        together: dict[str, Any] = {}
        for one in value:
            together |= shape(one) if isinstance(one, dict) else {}
        return [together]
    return None


def fixture(name: str) -> Any:
    return json.loads((DATA / name).read_text())


# What is answered, field for field


def test_payloads_are_what_argo_cds_own_definitions_say(automated: Server, swagger: dict[str, Any]) -> None:
    get = automated.client.get
    path = "/api/v1/applications/shop-api-staging"
    check(swagger, "v1alpha1Application", automated.get())
    check(swagger, "v1alpha1ApplicationList", get("/api/v1/applications").json())
    check(swagger, "v1alpha1ApplicationTree", get(f"{path}/resource-tree").json())
    check(swagger, "applicationManagedResourcesResponse", get(f"{path}/managed-resources").json())
    check(swagger, "repositoryManifestResponse", get(f"{path}/manifests").json())
    check(swagger, "applicationApplicationSyncWindowsResponse", get(f"{path}/syncwindows").json())
    revision = automated.get()["status"]["sync"]["revision"]
    check(swagger, "v1alpha1RevisionMetadata", get(f"{path}/revisions/{revision}/metadata").json())


def test_a_synced_application_has_the_fields_of_a_captured_one(manual: Server) -> None:
    manual.client.post("/api/v1/applications/shop-api-staging/sync", json={})
    ours, captured = manual.settled(), fixture("app-healthy-synced-rest-v3.json")
    ours["status"]["operationState"]["syncResult"]["resources"][1].pop("images")  # Since 3.1; the capture is older.
    ours["status"]["summary"].pop("externalURLs")
    assert shape(ours) == shape(captured)


def test_a_resource_tree_has_the_nodes_of_a_captured_one(automated: Server) -> None:
    captured = {node["kind"]: node for node in fixture("resource-tree-healthy-rest-v3.json")["nodes"]}
    ours = automated.client.get("/api/v1/applications/shop-api-staging/resource-tree").json()["nodes"]
    assert {node["kind"] for node in ours} == set(captured)
    for node in ours:
        assert set(node) <= set(captured[node["kind"]])
        assert [owner["kind"] for owner in node.get("parentRefs", [])] == [
            owner["kind"] for owner in captured[node["kind"]].get("parentRefs", [])
        ]


def test_a_list_leaves_out_the_health_of_resources_and_takes_fields(automated: Server) -> None:
    listed = automated.client.get("/api/v1/applications").json()["items"][0]
    assert all("health" not in one for one in listed["status"]["resources"])
    assert all(one["health"] == {"status": "Healthy"} for one in automated.get()["status"]["resources"])
    fields = "items.metadata.name,items.status.sync.revision,items.status.reconciledAt"
    chosen = automated.client.get("/api/v1/applications", params={"fields": fields}).json()
    revision = listed["status"]["sync"]["revision"]
    assert chosen == {"items": [{"metadata": {"name": "shop-api-staging"}, "status": {"sync": {"revision": revision}}}]}


# Who may see what


@pytest.mark.parametrize(
    ("token", "message"),
    [
        ("Bearer", "no session information"),
        ("Bearer not-a-jwt", "no session information"),
        ("Bearer e30.e30.e30", "invalid session: token signature is invalid: signature is invalid"),
    ],
)
def test_a_token_that_does_not_hold_is_told_why(server: Server, token: str, message: str) -> None:
    answer = httpx.get(f"{server.url}/api/v1/applications", headers={"Authorization": token})
    assert (answer.status_code, answer.json()) == (401, {"error": message, "message": message, "code": 16})
    info = httpx.get(f"{server.url}/api/v1/session/userinfo", headers={"Authorization": token})
    assert (info.status_code, info.json()) == (200, {"loggedIn": False})


@pytest.mark.parametrize(
    ("name", "query", "status"),
    [
        ("shop-api-staging", {}, 200),
        ("shop-api-staging", {"project": "default"}, 200),
        ("missing", {}, 403),
        ("missing", {"project": "default"}, 404),
        ("shop-api-staging", {"project": "other"}, 404),
        ("shop-api-staging", {"project": "forbidden"}, 403),
        ("hidden", {}, 403),
        ("shop-api-staging", {"appNamespace": "elsewhere"}, 403),
    ],
)
def test_a_missing_application_is_a_404_only_for_who_may_read_the_project(
    manual: Server, name: str, query: dict[str, str], status: int
) -> None:
    manual.state.apply_application(application(manual.gitops.url, name="hidden", project="forbidden"))
    rights = [Right("applications", "get", "default/*"), Right("applications", "get", "other/*")]
    manual.state.accounts.add("reader", rights=rights)
    reader = manual.client_with(manual.state.accounts.issue_token("reader"))
    answer = reader.get(f"/api/v1/applications/{name}", params=query)
    told = {403: "permission denied", 404: f'applications.argoproj.io "{name}" not found'}
    assert answer.status_code == status
    assert answer.json().get("message") == told.get(status)
    assert [a["metadata"]["name"] for a in reader.get("/api/v1/applications").json()["items"]] == ["shop-api-staging"]


def test_a_token_without_the_right_to_sync_hears_which_right_is_missing(manual: Server) -> None:
    manual.state.accounts.add("proj:default:ci", rights=READ_EVERYTHING)
    reader = manual.client_with(manual.state.accounts.issue_token("proj:default:ci"))
    answer = reader.post("/api/v1/applications/shop-api-staging/sync", json={})
    assert answer.status_code == 403
    right = "applications, sync, default/shop-api-staging"
    assert answer.json()["message"].startswith(f"permission denied: {right}, sub: proj:default:ci, iat: ")
    said = [reader.get(f"/api/v1/account/can-i/applications/{a}/default/x").json() for a in ("get", "sync")]
    assert said == [{"value": "yes"}, {"value": "no"}]


def test_a_session_begins_with_a_password_and_ends_when_it_is_logged_out(server: Server) -> None:
    wrong = server.client.post("/api/v1/session", json={"username": "ci", "password": "guess"})
    assert (wrong.status_code, wrong.json()["message"]) == (401, "Invalid username or password")
    token = server.client.post("/api/v1/session", json={"username": "ci", "password": "secret"}).json()["token"]
    client = server.client_with(token)
    assert client.get("/api/v1/session/userinfo").json() == {"loggedIn": True, "username": "ci", "iss": "argocd"}
    client.delete("/api/v1/session")
    assert client.get("/api/v1/applications").json()["message"].startswith("invalid session: token is revoked")


def test_an_expired_token_is_an_invalid_session(server: Server) -> None:
    client = server.client_with(server.state.accounts.issue_token("ci", expires_in=-1))
    answer = client.get("/api/v1/applications")
    assert (answer.status_code, answer.json()["code"]) == (401, 16)
    assert "token is expired" in answer.json()["message"]


# The gateway


@pytest.mark.parametrize("content_type", [None, "application/json; charset=utf-8", "text/plain"])
def test_what_is_not_a_get_needs_exactly_the_json_content_type(manual: Server, content_type: str | None) -> None:
    headers = {"Authorization": f"Bearer {manual.token}"} | ({"Content-Type": content_type} if content_type else {})
    answer = httpx.delete(f"{manual.url}/api/v1/applications/shop-api-staging/operation", headers=headers)
    assert (answer.status_code, answer.text.strip()) == (415, "Invalid content type")
    assert answer.headers["content-type"].startswith("text/plain")


def test_unknown_routes_and_verbs_are_told_in_plain_text(server: Server) -> None:
    missing, wrong = server.client.get("/api/v1/nothing"), server.client.put("/api/v1/session", json={})
    assert (missing.status_code, missing.text) == (404, "Not Found")
    assert (wrong.status_code, wrong.text) == (405, "Method Not Allowed")


@pytest.mark.parametrize("body", [b"{", b"[]", b'{"revision": 7}'])
def test_a_body_that_cannot_be_read_is_told_in_json(manual: Server, body: bytes) -> None:
    answer = manual.client.post("/api/v1/applications/shop-api-staging/sync", content=body)
    assert (answer.status_code, answer.json()["code"]) == (400, 3)


def test_an_ingress_may_answer_in_its_place(server: Server) -> None:
    server.state.faults.statuses.extend([503, 429])
    answers = [server.client.get("/api/v1/applications") for _ in range(3)]
    assert [answer.status_code for answer in answers] == [503, 429, 200]
    assert answers[0].headers["content-type"].startswith("text/html")


def test_health_and_version_need_no_token(server: Server) -> None:
    assert httpx.get(f"{server.url}/healthz").text == "ok\n"
    assert set(httpx.get(f"{server.url}/api/version").json()) == {"Version"}


# From a commit to the cluster


def test_a_commit_that_changes_the_manifests_is_synced_by_itself(automated: Server, swagger: dict[str, Any]) -> None:
    first = automated.get()["status"]["history"]
    revision = automated.commit_image(NEW)
    automated.get(refresh="normal")
    found = automated.until(lambda a: is_settled(a) and a["status"]["summary"]["images"] == [NEW])
    status = found["status"]
    assert status["sync"]["revision"] == status["operationState"]["syncResult"]["revision"] == revision
    assert status["operationState"]["operation"]["initiatedBy"] == {"automated": True}
    assert [entry["id"] for entry in status["history"]] == [0, 1]
    assert status["history"][0] == first[0]
    assert status["history"][1]["revision"] == revision
    assert automated.cluster.get("Deployment", "staging", "shop-api")["spec"]["template"]["spec"]["containers"] == [
        {"name": "main", "image": NEW}
    ]
    check(swagger, "v1alpha1Application", found)


def test_a_commit_that_changes_nothing_here_leaves_no_operation_and_no_history(automated: Server) -> None:
    before = automated.get()["status"]
    revision = automated.gitops.commit({"README.md": "Somebody else's change"})
    after = automated.get(refresh="normal")["status"]
    assert (after["sync"]["revision"], after["sync"]["status"]) == (revision, "Synced")
    assert after["operationState"] == before["operationState"]
    assert after["history"] == before["history"]


def test_what_is_taken_out_of_git_is_pruned(automated: Server) -> None:
    automated.gitops.commit({"demo/service.yaml": None})
    automated.get(refresh="normal")
    automated.until(lambda a: is_settled(a) and len(a["status"]["resources"]) == 1)
    assert automated.cluster.get("Service", "staging", "shop-api") is None


def test_a_field_that_is_taken_out_of_git_is_out_of_sync(manual: Server) -> None:
    manual.client.post("/api/v1/applications/shop-api-staging/sync", json={})
    manual.settled()
    manual.gitops.commit({"demo/service.yaml": SERVICE.replace(", targetPort: 8080", "")})
    states = {r["kind"]: r["status"] for r in manual.get(refresh="normal")["status"]["resources"]}
    assert states == {"Deployment": "Synced", "Service": "OutOfSync"}


def test_what_is_changed_in_the_cluster_is_healed_without_a_history_entry(automated: Server) -> None:
    automated.cluster.delete("Service", "staging", "shop-api")
    found = automated.until(
        lambda a: is_settled(a) and a["status"]["operationState"]["operation"]["sync"].get("autoHealAttemptsCount") == 1
    )
    assert automated.cluster.get("Service", "staging", "shop-api")
    assert len(found["status"]["history"]) == 1


def test_old_and_new_images_are_both_told_while_the_new_one_is_not_ready(automated: Server) -> None:
    automated.cluster.waiting = "ContainerCreating"
    automated.commit_image(NEW)
    automated.get(refresh="normal")
    found = automated.until(lambda a: a["status"]["summary"].get("images") == [OLD, NEW])
    found = automated.until(lambda a: a["status"]["health"]["status"] == "Progressing" and "operation" not in a)
    assert found["status"]["sync"]["status"] == "Synced"
    automated.cluster.finish()
    assert automated.until(is_settled)["status"]["summary"]["images"] == [NEW]


def test_a_pod_that_cannot_pull_is_degraded_in_the_tree(automated: Server, swagger: dict[str, Any]) -> None:
    automated.cluster.waiting = "ImagePullBackOff"
    automated.commit_image(NEW)
    automated.get(refresh="normal")
    automated.until(lambda a: a["status"]["summary"].get("images") == [OLD, NEW])
    tree = automated.client.get("/api/v1/applications/shop-api-staging/resource-tree").json()
    check(swagger, "v1alpha1ApplicationTree", tree)
    pod = next(node for node in tree["nodes"] if node.get("images") == [NEW])
    captured = next(
        n for n in fixture("09-resource-tree-imagepullbackoff.json")["nodes"] if n["name"].endswith("zzzzz")
    )
    assert pod["info"][0] == captured["info"][0] == {"name": "Status Reason", "value": "ImagePullBackOff"}
    assert pod["info"][2] == captured["info"][2]
    assert pod["health"]["status"] == captured["health"]["status"] == "Degraded"


def test_every_source_has_a_revision_of_its_own(server: Server, tmp_path: Path) -> None:
    (tmp_path / "second").mkdir()
    second = GitOps(tmp_path / "second")
    second.commit({"more/service.yaml": SERVICE})
    sources = [
        {"repoURL": server.gitops.url, "path": "demo", "targetRevision": "main"},
        {"repoURL": second.url, "path": "more", "targetRevision": "HEAD"},
    ]
    server.gitops.commit({"demo/service.yaml": None})
    server.state.apply_application(application("", automated={}, sources=sources))
    status = server.settled()["status"]
    heads = [GitOps.git(one.bare, "rev-parse", "main").strip() for one in (server.gitops, second)]
    assert (status["sync"]["revisions"], status["history"][0]["revisions"]) == (heads, heads)
    assert "revision" not in status["sync"]
    assert status["sourceTypes"] == ["Directory", "Directory"]


def chart_files() -> dict[str, str | None]:
    template = deployment("IMAGE").replace('"IMAGE"', "{{ .Values.image }}")
    return {
        "charts/service/Chart.yaml": "apiVersion: v2\nname: service\nversion: 1.0.0\n",
        "charts/service/values.yaml": "image: nothing\n",
        "charts/service/templates/deployment.yaml": template,
        "apps/values-staging.yaml": f"image: {OLD}\n",
    }


@pytest.mark.parametrize(
    ("helm", "image"),
    [
        ({"valueFiles": ["../../apps/values-staging.yaml"]}, OLD),
        ({"valueFiles": ["/apps/values-staging.yaml"], "values": f"image: {NEW}"}, NEW),
        ({"values": f"image: {OLD}", "valuesObject": {"image": NEW}}, NEW),
        ({"values": f"image: {OLD}", "parameters": [{"name": "image", "value": NEW}]}, NEW),
    ],
)
def test_a_chart_is_rendered_with_the_values_of_its_application(
    server: Server, helm: dict[str, Any], image: str
) -> None:
    server.gitops.commit(chart_files())
    source = {"repoURL": server.gitops.url, "path": "charts/service", "targetRevision": "main", "helm": helm}
    server.state.apply_application(application("", automated={}, source=source))
    status = server.settled()["status"]
    assert (status["sourceType"], status["summary"]["images"]) == ("Helm", [image])


def test_a_chart_takes_value_files_from_another_repository(server: Server, tmp_path: Path) -> None:
    server.gitops.commit(chart_files())
    (tmp_path / "second").mkdir()
    second = GitOps(tmp_path / "second")
    second.commit({"staging.yaml": f"image: {NEW}\n"})
    chart = {"repoURL": server.gitops.url, "path": "charts/service", "targetRevision": "main"}
    sources = [
        chart | {"helm": {"valueFiles": ["$values/staging.yaml"]}},
        {"repoURL": second.url, "targetRevision": "main", "ref": "values"},
    ]
    server.state.apply_application(application("", automated={}, sources=sources))
    assert server.settled()["status"]["summary"]["images"] == [NEW]


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ({"helm": {"fileParameters": [{"name": "a", "path": "b"}]}}, "source.helm.fileParameters"),
        ({"path": "nowhere"}, "nowhere: app path does not exist"),
        ({"helm": {"valueFiles": ["/apps/missing.yaml"]}, "path": "charts/service"}, "/apps/missing.yaml"),
        ({"targetRevision": "missing"}, "unable to resolve 'missing' to a commit SHA"),
        ({"kustomize": {"images": ["a=b"]}}, "source.kustomize"),
    ],
)
def test_what_the_sandbox_does_not_render_is_an_error_that_names_it(
    server: Server, source: dict[str, Any], told: str
) -> None:
    server.gitops.commit(chart_files())
    whole = {"repoURL": server.gitops.url, "path": "demo", "targetRevision": "main"} | source
    server.state.apply_application(application("", automated={}, source=whole))
    found = server.until(lambda a: a["status"].get("conditions"))
    assert found["status"]["conditions"][0]["type"] == "ComparisonError"
    assert told in found["status"]["conditions"][0]["message"]
    assert server.cluster.objects("staging") == []


def test_desired_state_can_be_had_at_a_revision_without_deploying_it(manual: Server) -> None:
    first = manual.get()["status"]["sync"]["revision"]
    second = manual.commit_image(NEW)
    for revision, image in ((first, OLD), (second, NEW)):
        path = "/api/v1/applications/shop-api-staging/manifests"
        answer = manual.client.get(path, params={"revision": revision}).json()
        assert answer["revision"] == revision
        assert any(image in manifest for manifest in answer["manifests"])
    metadata = manual.client.get(f"/api/v1/applications/shop-api-staging/revisions/{second}/metadata").json()
    assert (metadata["author"], metadata["message"]) == ("Ada <ada@example.com>", "Change the desired state")


def test_desired_and_live_state_are_told_as_texts(automated: Server) -> None:
    automated.state.faults.of("shop-api-staging").failing_syncs = -1
    automated.commit_image(NEW)
    automated.get(refresh="normal")
    answer = automated.client.get(
        "/api/v1/applications/shop-api-staging/managed-resources", params={"kind": "Deployment"}
    ).json()
    [item] = answer["items"]
    images = [
        json.loads(item[s])["spec"]["template"]["spec"]["containers"][0]["image"] for s in ("targetState", "liveState")
    ]
    assert images == [NEW, OLD]
    assert item["modified"] is True


# Refreshes


def test_a_refresh_is_answered_after_the_comparison_it_asked_for(automated: Server) -> None:
    revision = automated.gitops.commit({"README.md": "Another change"})
    assert automated.get()["status"]["sync"]["revision"] != revision
    answered = automated.get(refresh="hard")
    assert answered["status"]["sync"]["revision"] == revision
    assert "annotations" not in answered["metadata"]


def test_a_refresh_may_hang_while_a_plain_look_goes_on(automated: Server) -> None:
    automated.faults.refresh_hangs = True
    with pytest.raises(httpx.ReadTimeout):
        automated.client.get("/api/v1/applications/shop-api-staging", params={"refresh": "normal"}, timeout=0.3)
    assert automated.get()["metadata"]["annotations"] == {"argocd.argoproj.io/refresh": "normal"}
    automated.faults.refresh_hangs = False
    automated.cluster.changed()
    automated.until(lambda a: "annotations" not in a["metadata"])


def test_a_dropped_refresh_answers_with_the_old_revision(automated: Server) -> None:
    old = automated.get()["status"]["sync"]["revision"]
    new = automated.gitops.commit({"README.md": "Another change"})
    automated.faults.dropped_refreshes = 1
    revisions = [automated.get(refresh="normal")["status"]["sync"]["revision"] for _ in range(2)]
    assert revisions == [old, new]


def push(server: Server, url: str, *changed: str) -> httpx.Response:
    repository = {"html_url": url.removesuffix(".git"), "default_branch": "main"}
    payload = {"ref": "refs/heads/main", "before": "0" * 40, "after": "1" * 40, "repository": repository}
    payload["commits"] = [{"added": [], "modified": list(changed), "removed": []}]
    return httpx.post(f"{server.url}/api/webhook", json=payload, headers={"X-GitHub-Event": "push"})


def test_a_webhook_refreshes_the_applications_of_its_repository(automated: Server) -> None:
    revision = automated.commit_image(NEW)
    answer = push(automated, automated.gitops.url)
    assert (answer.status_code, answer.content) == (200, b"")
    automated.until(lambda a: is_settled(a) and a["status"]["sync"]["revision"] == revision)
    unknown = httpx.post(f"{automated.url}/api/webhook", json={})
    assert (unknown.status_code, unknown.text.strip()) == (400, "Unknown webhook event")


def test_a_webhook_leaves_alone_what_its_paths_do_not_touch(automated: Server) -> None:
    manifest = application(automated.gitops.url, automated={})
    manifest["metadata"]["annotations"] = {"argocd.argoproj.io/manifest-generate-paths": ".;/shared"}
    automated.state.apply_application(manifest)
    seen: list[dict[str, Any]] = []
    automated.state.store.subscribe(lambda event: seen.append(event.application["metadata"]["annotations"]))
    push(automated, automated.gitops.url, "README.md")
    assert not any("argocd.argoproj.io/refresh" in annotations for annotations in seen)
    push(automated, automated.gitops.url, "demo/deployment.yaml")
    assert any("argocd.argoproj.io/refresh" in annotations for annotations in seen)


# Operations that do not go well, or that a person asks for


def test_a_failing_sync_backs_off_and_ends_as_a_sync_error(automated: Server, swagger: dict[str, Any]) -> None:
    automated.faults.failing_syncs = -1
    revision = automated.commit_image(NEW)
    automated.get(refresh="normal")
    waiting = automated.until(lambda a: "finishedAt" in (a["status"].get("operationState") or {}))
    state = waiting["status"]["operationState"]
    derived = fixture("03-operation-retry-backoff-running-with-finishedAt.json")
    assert (state["phase"], shape(state)) == ("Running", shape(derived["status"]["operationState"]))
    assert ". Retrying attempt #" in state["message"]
    assert shape(waiting["operation"]) == shape(derived["operation"])
    check(swagger, "v1alpha1Application", waiting)
    automated.state.delete_application("shop-api-staging")
    # A short back-off of its own, so that the retries run out while somebody watches.
    retry = {"limit": 2, "backoff": {"duration": "100ms", "factor": 1}}
    policy = {"syncPolicy": {"automated": {"prune": True}, "retry": retry}}
    automated.state.apply_application(application(automated.gitops.url, **policy))
    found = automated.until(lambda a: a["status"].get("conditions"))
    derived = fixture("04-operation-failed-syncerror.json")
    assert shape(found["status"]["conditions"]) == shape(derived["status"]["conditions"])
    assert set(derived["status"]) - set(found["status"]) == {"history"}
    state = found["status"]["operationState"]
    assert (state["phase"], state["retryCount"], "operation" in found) == ("Failed", 2, False)
    assert state["message"].endswith("(retried 2 times).")
    assert {one["status"] for one in state["syncResult"]["resources"]} == {"SyncFailed"}
    [condition] = found["status"]["conditions"]
    assert condition["type"] == "SyncError"
    assert condition["message"] == f"Failed last sync attempt to [{revision}]: {state['message']}"
    check(swagger, "v1alpha1Application", found)


def test_a_sync_that_fails_once_succeeds_when_it_is_tried_again(automated: Server) -> None:
    automated.faults.failing_syncs = 1
    retry = {"limit": 1, "backoff": {"duration": "100ms"}}
    policy = {"automated": {}, "retry": retry}
    automated.state.apply_application(application(automated.gitops.url, syncPolicy=policy))
    automated.commit_image(NEW)
    automated.get(refresh="normal")
    found = automated.until(lambda a: is_settled(a) and a["status"]["summary"]["images"] == [NEW])
    assert found["status"]["operationState"]["retryCount"] == 1
    assert "conditions" not in found["status"]


def test_a_running_operation_ends_when_it_is_terminated(automated: Server) -> None:
    automated.faults.failing_syncs = -1
    automated.commit_image(NEW)
    automated.get(refresh="normal")
    automated.until(lambda a: "finishedAt" in (a["status"].get("operationState") or {}))
    path = "/api/v1/applications/shop-api-staging/operation"
    assert automated.client.delete(path).json() == {}
    found = automated.until(lambda a: "operation" not in a)
    state = found["status"]["operationState"]
    assert (state["phase"], state["message"]) == ("Failed", "Operation terminated")
    again = automated.client.delete(path)
    assert (again.status_code, again.json()["code"]) == (400, 3)
    assert again.json()["message"] == "Unable to terminate operation. No operation is in progress"


def test_a_sync_by_hand_answers_at_once_and_carries_its_infos(manual: Server, swagger: dict[str, Any]) -> None:
    infos = [{"name": "tidegate-run", "value": "42"}]
    answer = manual.client.post("/api/v1/applications/shop-api-staging/sync", json={"infos": infos}).json()
    check(swagger, "v1alpha1Application", answer)
    assert answer["operation"]["info"] == infos
    assert "operationState" not in answer["status"]
    state = manual.settled()["status"]["operationState"]
    assert state["operation"]["info"] == infos
    assert state["operation"]["initiatedBy"] == {"username": "ci"}


def test_only_one_operation_runs_at_a_time(manual: Server) -> None:
    manual.faults.failing_syncs = -1
    path = "/api/v1/applications/shop-api-staging/sync"
    first = manual.client.post(path, json={"retryStrategy": {"limit": 5}})
    second = manual.client.post(path, json={})
    assert (first.status_code, second.status_code, second.json()["code"]) == (200, 400, 9)
    assert "another operation is already in progress" in second.json()["message"]


def test_auto_sync_refuses_another_revision_and_a_rollback(automated: Server) -> None:
    path = "/api/v1/applications/shop-api-staging"
    sync = automated.client.post(f"{path}/sync", json={"revision": "1" * 40})
    assert (sync.status_code, sync.json()["code"]) == (400, 9)
    assert sync.json()["message"] == f"Cannot sync to {'1' * 40}: auto-sync currently set to main"
    rollback = automated.client.post(f"{path}/rollback", json={"id": 0})
    assert (rollback.status_code, rollback.json()["code"]) == (400, 9)
    assert rollback.json()["message"] == "rollback cannot be initiated when auto-sync is enabled"


def test_without_auto_sync_a_rollback_brings_back_a_revision_of_the_history(manual: Server) -> None:
    path = "/api/v1/applications/shop-api-staging"
    manual.client.post(f"{path}/sync", json={})
    manual.settled()
    manual.commit_image(NEW)
    manual.client.post(f"{path}/sync", json={})
    manual.until(lambda a: is_settled(a) and a["status"]["summary"]["images"] == [NEW])
    assert manual.client.post(f"{path}/rollback", json={"id": 7}).status_code == 400
    assert manual.client.post(f"{path}/rollback", json={"id": 0}).status_code == 200
    found = manual.until(lambda a: a["status"]["summary"]["images"] == [OLD] and "operation" not in a)
    assert manual.until(lambda a: a["status"]["sync"]["status"] == "OutOfSync")
    assert [entry["id"] for entry in found["status"]["history"]] == [0, 1, 2]


def test_a_dry_run_and_a_part_of_the_resources_never_enter_the_history(manual: Server) -> None:
    path = "/api/v1/applications/shop-api-staging/sync"
    part = [{"kind": "Service", "name": "shop-api"}]
    for body, created in (({"dryRun": True}, []), ({"resources": part}, ["Service"])):
        manual.client.post(path, json=body)
        found = manual.until(lambda a: "operation" not in a and "operationState" in a["status"])
        assert "history" not in found["status"]
        assert [o["kind"] for o in manual.cluster.objects("staging")] == created


def test_the_history_keeps_no_more_than_its_limit(manual: Server) -> None:
    manual.state.apply_application(application(manual.gitops.url, revisionHistoryLimit=2))
    for number in range(3):
        manual.client.post("/api/v1/applications/shop-api-staging/sync", json={})
        found = manual.until(lambda a, n=number: "operation" not in a and a["status"]["history"][-1]["id"] == n)
    assert [entry["id"] for entry in found["status"]["history"]] == [1, 2]


# Windows, errors and the other bad days


def test_a_window_that_denies_keeps_auto_sync_and_people_from_syncing(
    automated: Server, swagger: dict[str, Any]
) -> None:
    window = SyncWindow(kind="deny", schedule="* * * * *", duration="1h", applications=("shop-*",))
    automated.state.windows["default"].append(window)
    before = automated.get()["status"]["operationState"]
    automated.commit_image(NEW)
    found = automated.get(refresh="normal")
    assert (found["status"]["sync"]["status"], found["status"]["operationState"]) == ("OutOfSync", before)
    # An operation is asked for after the status is written: had it been, the next comparison would come after it.
    again = automated.get(refresh="normal")
    assert ("operation" in again, again["status"]["operationState"]) == (False, before)
    path = "/api/v1/applications/shop-api-staging"
    answer = automated.client.post(f"{path}/sync", json={})
    assert (answer.status_code, answer.json()["message"]) == (403, "cannot sync: blocked by sync window")
    windows = automated.client.get(f"{path}/syncwindows").json()
    check(swagger, "applicationApplicationSyncWindowsResponse", windows)
    told = [{"kind": "deny", "schedule": "* * * * *", "duration": "1h"}]
    assert windows == {"activeWindows": told, "assignedWindows": told, "canSync": False}
    automated.state.windows["default"].clear()
    automated.get(refresh="normal")
    automated.until(lambda a: is_settled(a) and a["status"]["summary"]["images"] == [NEW])


def test_what_cannot_be_rendered_is_a_comparison_error_and_nothing_else_changes(automated: Server) -> None:
    automated.gitops.commit({"demo/kustomization.yaml": "resources: []\n"})
    found = automated.get(refresh="normal")
    derived = fixture("08-comparisonerror-sync-unknown.json")
    status = found["status"]
    assert (status["sync"]["status"], status["sync"]["revision"]) == ("Unknown", "main")
    assert shape(status["sync"]) == shape(derived["status"]["sync"])
    assert shape(status["conditions"]) == shape(derived["status"]["conditions"])
    assert status["conditions"][0]["message"].startswith(
        "Failed to load target state: failed to generate manifest for source 1 of 1: rpc error: code = Unknown desc ="
    )
    assert (status["health"]["status"], "operation" in found) == ("Healthy", False)
    automated.gitops.commit({"demo/kustomization.yaml": None})
    assert "conditions" not in automated.get(refresh="normal")["status"]


def test_a_transient_comparison_error_goes_away_with_the_next_refresh(automated: Server) -> None:
    automated.faults.comparison_errors = 1
    statuses = [automated.get(refresh="normal")["status"]["sync"]["status"] for _ in range(2)]
    assert statuses == ["Unknown", "Synced"]


def test_stale_manifests_carry_the_new_revision_and_the_old_image(automated: Server) -> None:
    automated.faults.render_from = automated.get()["status"]["sync"]["revision"]
    revision = automated.commit_image(NEW)
    status = automated.get(refresh="hard")["status"]
    assert (status["sync"]["status"], status["sync"]["revision"]) == ("Synced", revision)
    assert status["summary"]["images"] == [OLD]


def test_health_may_lag_behind_an_operation_that_has_ended(automated: Server) -> None:
    automated.faults.health_lag = 3600
    automated.cluster.waiting = "ContainerCreating"
    automated.commit_image(NEW)
    automated.get(refresh="normal")
    found = automated.until(lambda a: is_settled(a) and a["status"]["summary"]["images"] == [OLD, NEW])
    assert found["status"]["health"]["status"] == "Healthy"
    automated.faults.health_lag = 0
    assert automated.get(refresh="normal")["status"]["health"]["status"] == "Progressing"


def test_health_may_flap_after_an_operation_and_recovers_by_itself(automated: Server) -> None:
    words: list[str] = []
    automated.state.store.subscribe(lambda event: words.append(event.application["status"]["health"]["status"]))
    automated.faults.degraded_flap = 1.0
    automated.commit_image(NEW)
    automated.get(refresh="normal")
    automated.until(lambda a: "Degraded" in words and is_settled(a))
    assert automated.get()["status"]["summary"]["images"] == [NEW]


def test_a_stalled_controller_compares_nothing(automated: Server) -> None:
    automated.faults.stalled = True
    with pytest.raises(httpx.ReadTimeout):
        automated.client.get("/api/v1/applications/shop-api-staging", params={"refresh": "normal"}, timeout=0.3)


def test_credentials_reach_git_through_its_environment(gitops: GitOps) -> None:
    # The environment says where the address leads: without it there is nothing at that address.
    address = "http://127.0.0.1:9/acme/gitops.git"
    settings = {
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": f"url.{gitops.url}.insteadOf",
        "GIT_CONFIG_VALUE_0": address,
    }
    for environments, status in (({"http://127.0.0.1:9/acme": settings}, "OutOfSync"), ({}, "Unknown")):
        with ArgoCDState(ToldCluster(), timing=QUIET, git_environments=environments) as state:
            state.apply_application(application(address))
            deadline = time.monotonic() + 15
            while not (found := state.store.all()[0]["status"]).get("sync"):
                assert time.monotonic() < deadline
                time.sleep(0.02)
            assert found["sync"]["status"] == status


# Streams


def test_a_stream_tells_what_is_there_and_then_every_change(automated: Server, swagger: dict[str, Any]) -> None:
    revision = ""
    with automated.client.stream("GET", "/api/v1/stream/applications") as answer:
        for number, line in enumerate(answer.iter_lines()):
            event = json.loads(line)["result"]
            check(swagger, "v1alpha1ApplicationWatchEvent", event)
            assert event["type"] == ("MODIFIED" if number else "ADDED")
            if not number:
                assert all("health" in one for one in event["application"]["status"]["resources"])
                revision = automated.commit_image(NEW)
                automated.state.request_refresh("shop-api-staging")
            elif is_settled(event["application"]) and event["application"]["status"]["sync"]["revision"] == revision:
                break


def test_server_sent_events_are_kept_alive_by_comments(gitops: GitOps) -> None:
    timing = Timing(comparison_poll=3600, keep_alive=0.05)
    with ArgoCDState(ToldCluster(), timing=timing) as state, serve(create_app(state)) as url:
        server = Server(state, url, gitops, ToldCluster())
        server.state.apply_application(application(gitops.url))
        query = {"fields": "result.application.metadata.name"}
        with server.client.stream(
            "GET", "/api/v1/stream/applications", headers={"Accept": "text/event-stream"}, params=query
        ) as answer:
            assert answer.headers["content-type"].startswith("text/event-stream")
            lines = answer.iter_lines()
            first = next(lines)
            data = json.loads(first.removeprefix("data: "))
            assert data == {"result": {"application": {"metadata": {"name": "shop-api-staging"}}}}
            assert [next(lines) for _ in range(2)] == ["", ":"]


def test_a_stream_does_not_tell_again_what_reads_the_same(automated: Server) -> None:
    query = {"fields": "result.type,result.application.metadata.name"}
    types = []
    with automated.client.stream("GET", "/api/v1/stream/applications", params=query) as answer:
        for line in answer.iter_lines():
            types.append(json.loads(line)["result"]["type"])
            if types[-1] == "ADDED":
                for _ in range(2):
                    automated.commit_image(NEW if len(types) % 2 else OLD)
                    automated.get(refresh="normal")
                    types.append("changed")
                automated.state.delete_application("shop-api-staging")
            elif types[-1] == "DELETED":
                break
    assert types == ["ADDED", "changed", "changed", "MODIFIED", "DELETED"]


def test_a_stream_may_be_cut(automated: Server) -> None:
    automated.state.faults.stream_ends_after = 1
    with automated.client.stream("GET", "/api/v1/stream/applications") as answer:
        assert len(list(answer.iter_lines())) == 1


def test_a_stream_for_nobody_is_refused_in_the_streams_own_words(server: Server) -> None:
    answer = httpx.get(f"{server.url}/api/v1/stream/applications")
    told = {"grpc_code": 16, "http_code": 401, "message": "no session information", "http_status": "Unauthorized"}
    assert (answer.status_code, answer.json()) == (401, {"error": told})


def test_the_stream_of_a_tree_tells_each_new_tree(automated: Server, swagger: dict[str, Any]) -> None:
    with automated.client.stream("GET", "/api/v1/stream/applications/shop-api-staging/resource-tree") as answer:
        for number, line in enumerate(answer.iter_lines()):
            tree = json.loads(line)["result"]
            check(swagger, "v1alpha1ApplicationTree", tree)
            if not number:
                automated.commit_image(NEW)
                automated.state.request_refresh("shop-api-staging")
            elif [node["images"] for node in tree["nodes"] if "images" in node] == [[NEW]]:
                break


def test_logs_are_lines_of_json_and_a_right_of_their_own(automated: Server) -> None:
    path = "/api/v1/applications/shop-api-staging/logs"
    entries = [json.loads(line)["result"] for line in automated.client.get(path).text.splitlines()]
    assert [entry.get("content") for entry in entries] == ["listening", "ready", None]
    assert entries[-1]["last"] is True
    automated.state.accounts.add("reader", rights=READ_EVERYTHING)
    assert automated.client_with(automated.state.accounts.issue_token("reader")).get(path).status_code == 403


# Actions on an Argo Rollout

ACTIONS = "/api/v1/applications/shop-api-staging/resource/actions"
ROLLOUT = {
    "namespace": "staging",
    "resourceName": "shop",
    "group": "argoproj.io",
    "version": "v1alpha1",
    "kind": "Rollout",
}
PAUSED = {
    "observedGeneration": "1",
    "phase": "Paused",
    "message": "CanaryPauseStep",
    "pauseConditions": [{"reason": "CanaryPauseStep", "startTime": "2026-01-01T00:00:00Z"}],
    "currentPodHash": "b",
    "stableRS": "a",
}


@pytest.fixture
def paused(automated: Server) -> Server:
    """With a canary that waits at its pause."""
    manifest = json.loads(deployment(NEW, "shop")) | {"apiVersion": "argoproj.io/v1alpha1", "kind": "Rollout"}
    manifest["spec"]["strategy"] = {"canary": {"steps": [{"setWeight": 25}, {"pause": {}}]}}
    automated.gitops.commit({"demo/rollout.json": json.dumps(manifest)})
    automated.get(refresh="normal")
    automated.until(lambda _: automated.cluster.get("Rollout", "staging", "shop"))
    automated.cluster.change("Rollout", "staging", "shop", lambda live: live.update(status=dict(PAUSED)))
    automated.until(lambda a: a["status"]["health"]["status"] == "Suspended")
    return automated


def status_of(server: Server) -> dict[str, Any]:
    live = server.cluster.get("Rollout", "staging", "shop")
    assert live
    return dict(live["status"])


def test_a_paused_rollout_is_suspended_with_the_controllers_reason(paused: Server) -> None:
    found = next(r for r in paused.get()["status"]["resources"] if r["kind"] == "Rollout")
    assert found["health"] == {"status": "Suspended", "message": "CanaryPauseStep"}


def test_actions_are_listed_with_those_that_mean_nothing_now(paused: Server, swagger: dict[str, Any]) -> None:
    answer = paused.client.get(ACTIONS, params=ROLLOUT).json()
    check(swagger, "applicationResourceActionsListResponse", answer)
    assert {action["name"] for action in answer["actions"] if not action.get("disabled")} == {
        "restart",
        "resume",
        "abort",
        "pause",
        "promote-full",
        "skip-current-step",
    }


def test_an_action_is_run_in_both_forms(paused: Server) -> None:
    answer = paused.client.post(f"{ACTIONS}/v2", json=ROLLOUT | {"action": "resume"})
    assert (answer.status_code, answer.json()) == (200, {})
    assert "pauseConditions" not in status_of(paused)
    answer = paused.client.post(ACTIONS, params=ROLLOUT, content='"abort"')
    assert (answer.status_code, answer.json()) == (200, {})
    assert status_of(paused)["abort"] is True


def test_each_action_is_a_right_of_its_own(paused: Server) -> None:
    right = Right("applications", "action/argoproj.io/Rollout/resume", "default/*")
    paused.state.accounts.add("deployer", rights=(*READ_EVERYTHING, right))
    client = paused.client_with(paused.state.accounts.issue_token("deployer"))
    assert client.post(f"{ACTIONS}/v2", json=ROLLOUT | {"action": "abort"}).status_code == 403
    assert "abort" not in status_of(paused)
    assert client.post(f"{ACTIONS}/v2", json=ROLLOUT | {"action": "resume"}).status_code == 200


def test_an_action_on_what_is_not_there_is_refused(paused: Server) -> None:
    answer = paused.client.post(f"{ACTIONS}/v2", json=ROLLOUT | {"action": "resume", "resourceName": "other"})
    assert (answer.status_code, answer.json()["message"]) == (
        400,
        "Rollout argoproj.io other not found as part of application shop-api-staging",
    )

"""The sandbox's cluster against a registry over HTTP, with containers that are real processes."""

import gzip
import hashlib
import io
import json
import os
import tarfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from deployments.sandbox.cluster import Cluster, Timing
from deployments.sandbox.server import serve

SERVER = """
import http.server, os, signal, subprocess, sys
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(503 if self.path == os.environ.get("BROKEN_PATH") else 200)
        self.end_headers()
        self.wfile.write(" ".join([os.environ["VERSION"], *sorted(os.environ), *sys.argv[1:]]).encode())
    def log_message(self, *arguments):
        pass
if os.environ.get("WITH_CHILD"):
    # The child takes this over, and a polite request does not end it.
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    print("child", subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"]).pid, flush=True)
signal.signal(signal.SIGTERM, signal.SIG_DFL)
print("listening as", os.getpid(), flush=True)
http.server.ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
"""
CRASH = "print('cannot go on', flush=True); raise SystemExit(3)"
OCI = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
NOWHERE = "sha256:" + "0" * 64


class Registry:
    """Serves what is put into it; made here so that these tests rest on nothing but the specification."""

    def __init__(self) -> None:
        self.contents: dict[str, tuple[str, bytes]] = {}
        self.requests: list[str] = []
        self.app = Starlette(routes=[Route("/v2/acme/app/{kind}/{reference}", self.answer)])
        self.repository = ""

    async def answer(self, request: Request) -> Response:
        reference = request.path_params["reference"]
        self.requests.append(reference)
        if reference not in self.contents:
            return Response(status_code=404)
        media_type, content = self.contents[reference]
        return Response(content, headers={"Content-Type": media_type})

    def put(self, content: bytes, media_type: str = "application/octet-stream") -> dict[str, Any]:
        digest = "sha256:" + hashlib.sha256(content).hexdigest()
        self.contents[digest] = (media_type, content)
        return {"mediaType": media_type, "digest": digest, "size": len(content)}

    def put_json(self, value: object, media_type: str) -> dict[str, Any]:
        return self.put(json.dumps(value).encode(), media_type)

    def image(self, program: str = SERVER, *layers: bytes, **config: Any) -> str:
        """Put an image that runs `program`, and return its digest."""
        defaults = {"Entrypoint": ["python3", "app.py"], "WorkingDir": "/app", "Env": ["VERSION=one"]}
        descriptors = [self.put(layer) for layer in (layer_of({"app/app.py": program}), *layers)]
        configuration = self.put_json({"config": defaults | config}, "application/vnd.oci.image.config.v1+json")
        manifest = {"schemaVersion": 2, "mediaType": OCI, "config": configuration, "layers": descriptors}
        return str(self.put_json(manifest, OCI)["digest"])

    def version(self, version: str, **environment: str) -> str:
        """Put an image of the server that says so in each answer."""
        variables = {"VERSION": version} | environment
        return self.image(Env=[f"{name}={value}" for name, value in variables.items()])


def layer_of(files: dict[str, str], *entries: tarfile.TarInfo) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        for entry in entries:
            archive.addfile(entry)
        for name, text in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(text.encode())
            archive.addfile(member, io.BytesIO(text.encode()))
    return gzip.compress(packed.getvalue(), mtime=0)


@pytest.fixture(scope="module")
def registry() -> Iterator[Registry]:
    registry = Registry()
    with serve(registry.app) as url:
        registry.repository = url.removeprefix("http://") + "/acme/app"
        yield registry


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    with Cluster(tmp_path, timing=Timing(back_off=0.2, longest_back_off=0.4, longest_grace=1)) as cluster:
        yield cluster


def deployment(
    registry: Registry, digest: str, *, deadline: float = 60, replicas: int = 1, **container: Any
) -> dict[str, Any]:
    labels = {"app": "app"}
    declared = {
        "name": "app",
        "image": f"{registry.repository}@{digest}",
        "ports": [{"name": "http", "containerPort": 8080}],
        "readinessProbe": {"httpGet": {"path": "/readyz", "port": "http"}, "periodSeconds": 0.1, "timeoutSeconds": 5},
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "app", "namespace": "staging"},
        "spec": {
            "replicas": replicas,
            "progressDeadlineSeconds": deadline,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": {"containers": [declared | container]}},
        },
    }


SERVICE = {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": {"name": "app", "namespace": "staging"},
    "spec": {"selector": {"app": "app"}, "ports": [{"port": 80, "targetPort": "http"}]},
}


def wait_until(found: Callable[[], object], what: str) -> None:
    """Look until it is true; the limit is generous, because it only ends tests that fail anyway."""
    deadline = time.monotonic() + 30
    while not found():
        assert time.monotonic() < deadline, f"it never came true that {what}"
        time.sleep(0.02)


def of_kind(cluster: Cluster, kind: str) -> list[dict[str, Any]]:
    return [each for each in cluster.objects("staging") if each["kind"] == kind]


def condition(cluster: Cluster, type_: str = "Progressing") -> dict[str, Any]:
    live = cluster.get("Deployment", "staging", "app") or {}
    conditions = live.get("status", {}).get("conditions", [])
    return next((each for each in conditions if each["type"] == type_), {})


def wait_for_rollout(cluster: Cluster, digest: str) -> None:
    def is_done() -> bool:
        live = cluster.get("Deployment", "staging", "app") or {}
        wanted = live["spec"]["template"]["spec"]["containers"][0]["image"].endswith(digest)
        observed = live["status"].get("observedGeneration") == live["metadata"]["generation"]
        return wanted and observed and condition(cluster).get("reason") == "NewReplicaSetAvailable"

    wait_until(is_done, "the rollout has ended well")


def revisions(cluster: Cluster) -> list[str]:
    replica_sets = of_kind(cluster, "ReplicaSet")
    return [each["metadata"]["annotations"]["deployment.kubernetes.io/revision"] for each in replica_sets]


def container_status(pod: dict[str, Any]) -> dict[str, Any]:
    status: dict[str, Any] = pod["status"]["containerStatuses"][0]
    return status


def waiting_reason(cluster: Cluster) -> dict[str, str]:
    pods = of_kind(cluster, "Pod")
    return container_status(pods[-1])["state"].get("waiting", {}) if pods else {}


def is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    # One that has ended and is not yet waited for by its parent does not count.
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"


def pids(cluster: Cluster, word: str) -> list[int]:
    pods = of_kind(cluster, "Pod")
    lines = [line for pod in pods for line in cluster.logs("staging", pod["metadata"]["name"]).splitlines()]
    return [int(line.split()[-1]) for line in lines if line.startswith(word)]


def test_an_applied_image_serves_requests_through_its_service(cluster: Cluster, registry: Registry) -> None:
    digest = registry.version("first")
    cluster.apply(
        deployment(registry, digest, env=[{"name": "FROM_POD", "value": "yes"}], args=["--say", "$(FROM_POD)"])
    )
    cluster.apply(SERVICE)
    wait_for_rollout(cluster, digest)

    answer = httpx.get(cluster.service_url("staging", "app")).text.split()

    # LC_CTYPE is what Python itself adds where there is no locale.
    assert [word for word in answer if word != "LC_CTYPE"] == [
        "first",
        "FROM_POD",
        "HOST",
        "PATH",
        "PORT",
        "VERSION",
        "--say",
        "yes",
    ]


def test_live_objects_name_owners_and_counts_as_kubernetes_does(cluster: Cluster, registry: Registry) -> None:
    digest = registry.version("first")
    cluster.apply(deployment(registry, digest, replicas=2))
    wait_for_rollout(cluster, digest)

    [live], [replica_set] = of_kind(cluster, "Deployment"), of_kind(cluster, "ReplicaSet")
    pods = of_kind(cluster, "Pod")

    assert {k: v for k, v in live["status"].items() if k != "conditions"} == {
        "observedGeneration": 1,
        "replicas": 2,
        "updatedReplicas": 2,
        "readyReplicas": 2,
        "availableReplicas": 2,
    }
    assert condition(cluster, "Available")["status"] == "True"
    assert live["metadata"]["annotations"] == {"deployment.kubernetes.io/revision": "1"}
    assert replica_set["metadata"]["ownerReferences"][0]["uid"] == live["metadata"]["uid"]
    assert {pod["metadata"]["ownerReferences"][0]["uid"] for pod in pods} == {replica_set["metadata"]["uid"]}
    assert [container_status(pod)["imageID"] for pod in pods] == [f"{registry.repository}@{digest}"] * 2
    assert all(container_status(pod)["ready"] and container_status(pod)["restartCount"] == 0 for pod in pods)


def test_the_old_pod_serves_until_the_new_one_is_ready(cluster: Cluster, registry: Registry) -> None:
    old, new = registry.version("old"), registry.version("new")
    cluster.apply(deployment(registry, old))
    cluster.apply(SERVICE)
    wait_for_rollout(cluster, old)
    url = cluster.service_url("staging", "app")
    cluster.faults.never_ready.add(("staging", new))

    cluster.apply(deployment(registry, new))
    wait_until(lambda: len(pids(cluster, "listening")) == 2, "old and new run side by side")
    during = httpx.get(url).text.split()[0]
    cluster.faults.never_ready.clear()
    wait_for_rollout(cluster, new)

    assert (during, httpx.get(url).text.split()[0], cluster.service_url("staging", "app")) == ("old", "new", url)
    wait_until(lambda: len(of_kind(cluster, "Pod")) == 1, "the old pod is gone")
    revisions = [
        rs["metadata"]["annotations"]["deployment.kubernetes.io/revision"] for rs in of_kind(cluster, "ReplicaSet")
    ]
    assert revisions == ["1", "2"]


def test_an_image_that_never_becomes_ready_exceeds_the_deadline_while_the_old_one_serves(
    cluster: Cluster, registry: Registry
) -> None:
    old, new = registry.version("old"), registry.version("new", BROKEN_PATH="/readyz")
    cluster.apply(deployment(registry, old))
    cluster.apply(SERVICE)
    wait_for_rollout(cluster, old)

    cluster.apply(deployment(registry, new, deadline=1))
    wait_until(lambda: condition(cluster).get("reason") == "ProgressDeadlineExceeded", "the deadline is exceeded")

    newest = of_kind(cluster, "ReplicaSet")[-1]["metadata"]["name"]
    assert condition(cluster)["status"] == "False"
    assert condition(cluster)["message"] == f'ReplicaSet "{newest}" has timed out progressing.'
    assert condition(cluster, "Available")["status"] == "True"
    assert httpx.get(cluster.service_url("staging", "app")).text.split()[0] == "old"


def test_going_back_after_a_failed_rollout_adopts_the_old_replica_set(cluster: Cluster, registry: Registry) -> None:
    old, new = registry.version("old"), registry.version("new", BROKEN_PATH="/readyz")
    cluster.apply(deployment(registry, old))
    wait_for_rollout(cluster, old)
    [before] = of_kind(cluster, "Pod")
    cluster.apply(deployment(registry, new, deadline=1))
    wait_until(lambda: condition(cluster).get("reason") == "ProgressDeadlineExceeded", "the deadline is exceeded")

    cluster.apply(deployment(registry, old))
    wait_for_rollout(cluster, old)
    wait_until(lambda: len(of_kind(cluster, "Pod")) == 1, "the new pod is gone")

    assert of_kind(cluster, "Pod")[0]["metadata"]["uid"] == before["metadata"]["uid"]
    revisions = [
        rs["metadata"]["annotations"]["deployment.kubernetes.io/revision"] for rs in of_kind(cluster, "ReplicaSet")
    ]
    assert revisions == ["3", "2"]


def test_a_third_image_replaces_one_that_hangs(cluster: Cluster, registry: Registry) -> None:
    first, second, third = registry.version("1"), registry.version("2", BROKEN_PATH="/readyz"), registry.version("3")
    cluster.apply(deployment(registry, first))
    wait_for_rollout(cluster, first)
    cluster.apply(deployment(registry, second))
    wait_until(lambda: len(pids(cluster, "listening")) == 2, "the second image runs")

    cluster.apply(deployment(registry, third))
    wait_for_rollout(cluster, third)

    images = {
        pod["spec"]["containers"][0]["image"] for pod in of_kind(cluster, "Pod") if container_status(pod)["ready"]
    }
    assert images == {f"{registry.repository}@{third}"}


def test_a_crashing_container_is_restarted_with_a_back_off(cluster: Cluster, registry: Registry) -> None:
    seen: list[tuple[str, str, int]] = []

    def look() -> None:
        for pod in of_kind(cluster, "Pod"):
            waiting = container_status(pod)["state"].get("waiting", {})
            seen.append((waiting.get("reason", ""), waiting.get("message", ""), container_status(pod)["restartCount"]))

    cluster.subscribe(look)
    cluster.apply(deployment(registry, registry.image(CRASH)))
    wait_until(lambda: any(restarts >= 2 for _, _, restarts in seen), "it was restarted twice")
    wait_until(lambda: seen[-1][0] == "CrashLoopBackOff" and seen[-1][2] >= 2, "it waits again")

    [pod] = of_kind(cluster, "Pod")
    last = container_status(pod)["lastState"]["terminated"]
    assert (last["exitCode"], last["reason"]) == (3, "Error")
    assert seen[-1][1].startswith("back-off 0.4s restarting failed container=app pod=app-")
    assert "cannot go on" in cluster.logs("staging", pod["metadata"]["name"])


def test_a_container_that_fails_its_liveness_probe_is_restarted(cluster: Cluster, registry: Registry) -> None:
    digest = registry.version("sick", BROKEN_PATH="/healthz")
    probe = {
        "httpGet": {"path": "/healthz", "port": 8080},
        "periodSeconds": 0.1,
        "failureThreshold": 2,
        "timeoutSeconds": 5,
    }
    cluster.apply(deployment(registry, digest, livenessProbe=probe))

    wait_until(lambda: len(set(pids(cluster, "listening"))) >= 2, "it is started again")
    wait_until(lambda: container_status(of_kind(cluster, "Pod")[0])["restartCount"] >= 1, "the restart is counted")

    first = pids(cluster, "listening")[0]
    assert not is_running(first)


def test_a_missing_digest_shows_the_pull_error_and_then_the_back_off(cluster: Cluster, registry: Registry) -> None:
    seen: list[str] = []
    cluster.subscribe(lambda: seen.append(waiting_reason(cluster).get("reason", "")))

    cluster.apply(deployment(registry, NOWHERE))
    wait_until(lambda: waiting_reason(cluster).get("reason") == "ImagePullBackOff", "the pull is given a pause")

    reasons = [reason for index, reason in enumerate(seen) if reason and seen[index - 1 : index] != [reason]]
    assert reasons[:3] == ["ContainerCreating", "ErrImagePull", "ImagePullBackOff"]
    assert f"{NOWHERE}: not found" in waiting_reason(cluster)["message"]


def test_a_pull_that_fails_for_a_while_is_tried_again(cluster: Cluster, registry: Registry) -> None:
    digest = registry.version("late")
    cluster.faults.failing_pulls.add(digest)
    cluster.apply(deployment(registry, digest))
    wait_until(lambda: waiting_reason(cluster).get("reason") == "ImagePullBackOff", "the pull fails")

    cluster.faults.failing_pulls.clear()

    wait_for_rollout(cluster, digest)


def test_a_namespace_can_turn_unhealthy_and_heal(cluster: Cluster, registry: Registry) -> None:
    digest = registry.version("well")
    cluster.apply(deployment(registry, digest))
    cluster.apply(SERVICE)
    wait_for_rollout(cluster, digest)
    url = cluster.service_url("staging", "app")

    cluster.faults.unready_namespaces.add("staging")
    wait_until(lambda: condition(cluster, "Available")["status"] == "False", "nothing is available")
    live = cluster.get("Deployment", "staging", "app") or {}
    with pytest.raises(httpx.TransportError):
        httpx.get(url)
    reason = condition(cluster)["reason"]
    cluster.faults.unready_namespaces.clear()
    wait_until(lambda: condition(cluster, "Available")["status"] == "True", "it is available again")

    assert (live["status"]["updatedReplicas"], live["status"].get("availableReplicas")) == (1, None)
    # A rollout that has ended well stays so, whatever becomes of its pods.
    assert reason == "NewReplicaSetAvailable"
    assert httpx.get(url).text.split()[0] == "well"


def test_stop_leaves_no_process_and_no_thread(tmp_path: Path, registry: Registry) -> None:
    before = set(threading.enumerate())
    threads = ("cluster control", "service proxies", "pod staging/")
    digest = registry.version("family", WITH_CHILD="1")
    with Cluster(tmp_path, timing=Timing(longest_grace=1)) as cluster:
        cluster.apply(deployment(registry, digest, replicas=2))
        cluster.apply(SERVICE)
        wait_for_rollout(cluster, digest)
        started = pids(cluster, "listening") + pids(cluster, "child")
        running = [is_running(pid) for pid in started]
        # Those of the session's other servers come and go meanwhile.
        own = {thread for thread in threading.enumerate() if thread.name.startswith(threads)} - before

    assert running == [True] * 4
    assert len(own) == 4
    wait_until(lambda: not any(is_running(pid) for pid in started), "init has taken the children")
    assert not [thread.name for thread in own if thread.is_alive()]


def test_deleting_a_deployment_ends_what_it_owns(cluster: Cluster, registry: Registry) -> None:
    digest = registry.version("short-lived")
    cluster.apply(deployment(registry, digest))
    wait_for_rollout(cluster, digest)
    [pid] = pids(cluster, "listening")

    cluster.delete("Deployment", "staging", "app")

    wait_until(lambda: not cluster.objects("staging"), "nothing is left")
    assert not is_running(pid)


def test_a_deleted_pod_is_replaced(cluster: Cluster, registry: Registry) -> None:
    digest = registry.version("again")
    cluster.apply(deployment(registry, digest))
    wait_for_rollout(cluster, digest)
    [pod] = of_kind(cluster, "Pod")

    cluster.delete("Pod", "staging", pod["metadata"]["name"])

    def successor() -> bool:
        return [p["metadata"]["uid"] != pod["metadata"]["uid"] for p in of_kind(cluster, "Pod")] == [True]

    wait_until(successor, "another pod is there instead")


def test_variables_come_from_a_config_map_and_are_waited_for(cluster: Cluster, registry: Registry) -> None:
    digest = registry.version("unset")
    variable = {"name": "VERSION", "valueFrom": {"configMapKeyRef": {"name": "settings", "key": "version"}}}
    cluster.apply(deployment(registry, digest, env=[variable]))
    cluster.apply(SERVICE)
    wait_until(lambda: waiting_reason(cluster).get("message"), "the container cannot be made")
    missing = waiting_reason(cluster)

    metadata = {"name": "settings", "namespace": "staging"}
    cluster.apply({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"version": "configured"}})
    wait_for_rollout(cluster, digest)

    assert missing == {"reason": "CreateContainerConfigError", "message": 'configmap "settings" not found'}
    assert httpx.get(cluster.service_url("staging", "app")).text.split()[0] == "configured"


def test_an_index_means_its_linux_manifest_and_a_known_digest_is_not_fetched_again(
    cluster: Cluster, registry: Registry
) -> None:
    digest = registry.version("indexed")
    elsewhere = "sha256:" + "a" * 64
    other = {"mediaType": OCI, "digest": elsewhere, "size": 1, "platform": {"os": "linux", "architecture": "arm64"}}
    mine = {"mediaType": OCI, "digest": digest, "size": 1, "platform": {"os": "linux", "architecture": "amd64"}}
    index = registry.put_json({"schemaVersion": 2, "mediaType": INDEX, "manifests": [other, mine]}, INDEX)["digest"]
    cluster.apply(deployment(registry, index))
    wait_for_rollout(cluster, index)
    asked = registry.requests.count(index)

    cluster.delete("Deployment", "staging", "app")
    wait_until(lambda: not cluster.objects("staging"), "nothing is left")
    cluster.apply(deployment(registry, index))
    wait_for_rollout(cluster, index)

    assert (asked, registry.requests.count(index), registry.requests.count(elsewhere)) == (1, 1, 0)


@pytest.mark.parametrize(
    ("spoiled", "complaint"),
    [("manifest", "content of another digest"), ("layer", "another digest or size"), ("longer layer", "larger than")],
)
def test_content_that_is_not_what_its_digest_says_is_refused(
    cluster: Cluster, registry: Registry, spoiled: str, complaint: str
) -> None:
    digest = registry.image(SERVER + f"# {spoiled}")
    manifest = json.loads(registry.contents[digest][1])
    layer = manifest["layers"][0]["digest"]
    media_type, content = registry.contents[layer]
    if spoiled == "manifest":
        registry.contents[digest] = (OCI, registry.contents[digest][1] + b" ")
    else:
        registry.contents[layer] = (media_type, content + b"x" if spoiled == "longer layer" else content[:-1] + b"x")

    cluster.apply(deployment(registry, digest))
    wait_until(lambda: waiting_reason(cluster).get("reason") == "ImagePullBackOff", "the pull is refused")

    assert complaint in waiting_reason(cluster)["message"]


def test_an_image_that_would_escape_is_not_run(cluster: Cluster, registry: Registry, tmp_path: Path) -> None:
    cluster.apply(deployment(registry, registry.image(SERVER, layer_of({"../escaped": "x"}))))
    wait_until(lambda: waiting_reason(cluster).get("reason") == "ImagePullBackOff", "the image is refused")

    assert "'../escaped' leads out of the image" in waiting_reason(cluster)["message"]
    assert [*tmp_path.rglob("escaped")] == []


def test_absolute_links_mean_the_images_own_files(cluster: Cluster, registry: Registry) -> None:
    link = tarfile.TarInfo("run.py")
    link.type, link.linkname = tarfile.SYMTYPE, "/app/app.py"
    digest = registry.image(SERVER, layer_of({}, link), Entrypoint=["python3", "../run.py"])

    cluster.apply(deployment(registry, digest))

    wait_for_rollout(cluster, digest)


def test_a_services_fixed_port_in_use_is_an_error(tmp_path: Path, cluster: Cluster) -> None:
    port = int(cluster.service_url("staging", "app").rpartition(":")[2])

    with Cluster(tmp_path / "other", {("staging", "app"): port}) as other, pytest.raises(OSError, match="in use"):
        other.apply(SERVICE)

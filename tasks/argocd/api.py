"""One application over Argo CD's REST API: its answers as JSON, its refusals as errors that say what to do.

https://argo-cd.readthedocs.io/en/stable/developer-guide/api-docs/
"""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, urlsplit

import httpx

from tasks.domain.argocd.answers import Json, read_message
from tasks.domain.argocd.resources import read_pod_trouble, read_workloads
from tasks.domain.argocd.sync_windows import read_sync_windows, read_window_blocks
from tasks.domain.delivery.rollout import ArgoCDTarget, ParentApplication
from tasks.domain.errors import AccessRefused, ConfigurationError, Unreachable
from tasks.domain.rollout.decision import Refresh
from tasks.domain.rollout.facts import Pod, Workloads
from tasks.domain.rollout.sync_window import ClosedWindow, decide_closing

_LONGEST_WAIT_FOR_A_LIMIT_SECONDS = 30.0
# Answers that say nothing about the request: cancelled, aborted, too many.
_PASSING = {httpx.codes.REQUEST_TIMEOUT, httpx.codes.CONFLICT, httpx.codes.TOO_MANY_REQUESTS}


@dataclass(frozen=True, slots=True)
class ApplicationApi:
    """Every method raises AccessRefused, ConfigurationError, or Unreachable where asking again may help."""

    client: httpx.Client
    url: str
    target: ArgoCDTarget | ParentApplication

    @property
    def parent(self) -> "ApplicationApi | None":
        """The application that applies this one, where its manifest is what we change."""
        above = self.target.parent if isinstance(self.target, ArgoCDTarget) else None
        return ApplicationApi(self.client, self.url, above) if above else None

    def read(self, refresh: Refresh | None = None, refresh_seconds: float = 20.0) -> Json:
        """The Application; with a refresh as it is after it, or as it is now where that does not end in time.

        A refresh may hang for ever (argo-cd issue 21613); Argo CD goes on with it when nobody waits any longer.
        """
        if refresh:
            try:
                return self._get(self._path(), timeout=refresh_seconds, refresh=refresh.value)
            except Unreachable:
                pass
        return self._get(self._path())

    def manifests(self) -> tuple[Json, ...]:
        """What is rendered at the target revision; nothing is deployed by asking."""
        texts = self._get(self._path("manifests")).get("manifests") or ()
        return tuple(json.loads(text) for text in texts)

    def workloads(self) -> Workloads:
        """What is rendered, what is live, and the pods."""
        return read_workloads(self._get(self._path("managed-resources")), self._get(self._path("resource-tree")))

    def pod_trouble(self, pod: Pod) -> str:
        """Why a pod does not run, in Kubernetes' own words; empty where that cannot be had: it is evidence only."""
        where = {"namespace": pod.namespace, "resourceName": pod.name, "group": "", "version": "v1", "kind": "Pod"}
        response = self._send("GET", self._path("resource"), params=self._where() | where)
        try:
            manifest = json.loads(response.json()["manifest"])
        except (ValueError, KeyError, TypeError):
            return ""
        return read_pod_trouble(manifest) if response.is_success and isinstance(manifest, dict) else ""

    def closed_window(self, *, auto_sync: bool) -> ClosedWindow | None:
        """What keeps a sync back now, None where nothing does."""
        told = self._get(self._path("syncwindows"))
        if not read_window_blocks(told, auto_sync=auto_sync):
            return None
        windows = read_sync_windows(told, self._project())
        return decide_closing(windows, datetime.now(UTC), auto_sync=auto_sync)

    def refuse_without_sync(self) -> None:
        """Raise AccessRefused where the token may not start a sync."""
        parts = (self.target.project, self.target.namespace, self.target.application)
        name = "/".join(quote(part, safe="") for part in parts if part)
        if self._get(f"/account/can-i/applications/sync/{name}").get("value") != "yes":
            raise AccessRefused(self._lacks("sync") + "; grant it, or switch auto-sync on")

    def sync(self, revision: str, info: str, *, position: int | None = None, at_head: bool = False) -> None:
        """Start a sync of the commit, found again by `info`; one that is under way, or a window, is waited for.

        `position` is that of the commit's source, from 1, where the application has several; the others are synced as
        their branches are. With `at_head` what the branch holds is synced, and the commit is only noted.
        """
        infos = [{"name": info, "value": revision}]
        what: dict[str, Any] = {"revision": revision}
        if at_head:
            what = {}
        elif position is not None:
            what = {"revisions": [revision], "sourcePositions": [position]}
        body: dict[str, Any] = self._where() | what | {"prune": False, "infos": infos}
        response = self._send("POST", self._path("sync"), json=body)
        message = read_message(response.content)
        if "another operation is already in progress" in message or "blocked by sync window" in message:
            return
        self._refuse(response, "sync")

    def live(self, resource: Mapping[str, str]) -> Json:
        """One live object of the application's; `resource` is namespace, resourceName, group, version and kind."""
        manifest = json.loads(str(self._get(self._path("resource"), timeout=None, **resource).get("manifest") or "{}"))
        return manifest if isinstance(manifest, dict) else {}

    def act(self, resource: Mapping[str, str], action: str) -> None:
        """Run a resource action; each is a right of its own. Before 3.1 there is only the older form."""
        where = {**self._where(), **resource}
        response = self._send("POST", self._path("resource/actions/v2"), json=where | {"action": action})
        is_missing = response.status_code in {httpx.codes.NOT_FOUND, httpx.codes.METHOD_NOT_ALLOWED}
        if (is_missing and not _is_json(response)) or response.status_code == httpx.codes.NOT_IMPLEMENTED:
            response = self._send("POST", self._path("resource/actions"), params=where, content=json.dumps(action))
        self._refuse(response, f"action/{resource['group']}/{resource['kind']}/{action}")

    def _path(self, part: str = "") -> str:
        return f"/applications/{quote(self.target.application, safe='')}" + (f"/{part}" if part else "")

    def _project(self) -> Json:
        """The application's project; empty where the token may not read it, which is a right that few need."""
        response = self._send("GET", f"/projects/{quote(self.target.project, safe='')}")
        try:
            body = response.json()
        except ValueError:
            return {}
        return body if response.is_success and isinstance(body, dict) else {}

    def _where(self) -> dict[str, str]:
        # Without the project an application that is not there looks like one that may not be seen.
        where = {"project": self.target.project}
        return where | ({"appNamespace": self.target.namespace} if self.target.namespace else {})

    def _get(self, path: str, *, timeout: float | None = None, **parameters: str) -> Json:
        response = self._send("GET", path, params=self._where() | parameters, timeout=timeout)
        self._refuse(response, "get")
        try:
            body = response.json()
        except ValueError:
            body = None
        if not isinstance(body, dict):
            raise ConfigurationError(
                f"{self._name} answered no JSON; give its own address in the block's url, not that of a login page"
            )
        return body

    def _send(self, method: str, path: str, *, timeout: float | None = None, **rest: Any) -> httpx.Response:
        limit = self.client.timeout if timeout is None else timeout
        try:
            return self.client.request(method, path, timeout=limit, **rest)
        except httpx.TransportError as error:
            raise Unreachable(f"{self._name} does not answer ({type(error).__name__}: {error})") from error

    def _refuse(self, response: httpx.Response, right: str) -> None:
        """Raise what the status means; grpc-gateway's mapping of codes is not always the obvious one."""
        status, message = response.status_code, read_message(response.content)
        if response.is_success:
            return
        if response.is_server_error or status in _PASSING:
            _rest(response)
            raise Unreachable(f"{self._name} answered {status}: {message}")
        if response.is_redirect:
            host = urlsplit(response.headers.get("Location", "")).netloc
            raise ConfigurationError(
                f"{self._name} sends on to {host or 'elsewhere'}; give the final address in the block"
            )
        if status == httpx.codes.UNAUTHORIZED:
            raise AccessRefused(f"{self._name} does not accept the token ({message}); put a valid one into the block")
        if status == httpx.codes.FORBIDDEN:
            raise AccessRefused(f"{self._lacks(right)} ({message}); grant it")
        if status == httpx.codes.NOT_FOUND:
            raise ConfigurationError(self._unknown(response))
        raise ConfigurationError(f"{self._name} answered {status}: {message}")

    def _unknown(self, response: httpx.Response) -> str:
        # Argo CD's own answers are JSON; a path that it does not serve is answered in plain text.
        if not _is_json(response):
            return f"{self._name} does not serve its API there; look whether the block's url needs a root path"
        return (
            f"{self._name} has no application {self.target.application!r} in project {self.target.project!r}; "
            "correct the environment's argocd settings"
        )

    @property
    def _name(self) -> str:
        return f"Argo CD at {self.url}"

    def _lacks(self, right: str) -> str:
        name = f"{self.target.project}/{self.target.application}"
        return f"the token for {self._name} lacks the right `applications, {right}` on {name}"


def _is_json(response: httpx.Response) -> bool:
    return bool(response.headers.get("Content-Type", "").startswith("application/json"))


def _rest(response: httpx.Response) -> None:
    """Wait as long as the answer asks for, so that whoever asks again does so in time."""
    after = response.headers.get("Retry-After", "")
    if after.isdigit():
        time.sleep(min(float(after), _LONGEST_WAIT_FOR_A_LIMIT_SECONDS))

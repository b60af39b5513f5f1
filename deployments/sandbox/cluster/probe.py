"""Readiness and liveness: asks a container over HTTP when it is due, and counts what it answers."""

import contextlib
import http.client
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class HttpProbe:
    """What a pod declares, in seconds; Kubernetes takes whole ones, this cluster also parts, down to 50 ms."""

    path: str
    headers: tuple[tuple[str, str], ...]
    delay: float
    period: float
    timeout: float
    failures: int
    successes: int


def declared_probe(container: Mapping[str, Any], name: str) -> HttpProbe | None:
    """The probe of this name, with Kubernetes' defaults; None where none is declared."""
    declared = container.get(name)
    if not declared:
        return None
    get = declared["httpGet"]
    return HttpProbe(
        path=get.get("path", "/"),
        headers=tuple((header["name"], header["value"]) for header in get.get("httpHeaders") or []),
        delay=float(declared.get("initialDelaySeconds", 0)),
        period=max(float(declared.get("periodSeconds", 10)), 0.05),
        timeout=float(declared.get("timeoutSeconds", 1)),
        failures=int(declared.get("failureThreshold", 3)),
        successes=int(declared.get("successThreshold", 1)),
    )


class ProbeResults:
    """The answers of one run of a container, whose probe may be missing; `started` and `now` are monotonic seconds."""

    def __init__(self, probe: HttpProbe | None, port: int, *, started: float) -> None:
        self._probe = probe
        self._port = port
        self._due = started + probe.delay if probe else 0.0
        self._failed_in_row = 0
        self._passed_in_row = 0
        self.has_passed = probe is None
        """The probe's last word: it passed often enough, and has not failed often enough since."""

    @property
    def has_failed(self) -> bool:
        """Whether it failed so often in a row that it counts."""
        return self._probe is not None and self._failed_in_row >= self._probe.failures

    def ask_if_due(self, now: float) -> None:
        """Ask once where the time has come; takes as long as the probe's timeout at most."""
        if self._probe is None or now < self._due:
            return
        self._due = now + self._probe.period
        if _answers_well(self._probe, self._port):
            self._failed_in_row, self._passed_in_row = 0, self._passed_in_row + 1
            self.has_passed = self.has_passed or self._passed_in_row >= self._probe.successes
        else:
            self._failed_in_row, self._passed_in_row = self._failed_in_row + 1, 0
            self.has_passed = self.has_passed and not self.has_failed


def _answers_well(probe: HttpProbe, port: int) -> bool:
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", port, timeout=probe.timeout)) as connection:
        try:
            connection.request("GET", probe.path, headers=dict(probe.headers))
            return 200 <= connection.getresponse().status < 400
        except (OSError, http.client.HTTPException, ValueError):
            return False

"""A stand-in for SonarQube's scanner: sends the Python sources to a server and says where the analysis will be.

Run it in the project's folder, as a module or by its path; it needs nothing but Python's standard library:

    SONAR_HOST_URL=... SONAR_TOKEN=... python3 scanner.py -Dsonar.projectKey=shop-api

It takes sonar.projectKey, sonar.projectName, sonar.projectBaseDir, sonar.sources, sonar.host.url, sonar.scm.revision,
sonar.pullrequest.*, sonar.python.coverage.reportPaths and sonar.scanner.metadataFilePath, also from
sonar-project.properties. Ends with 0 when the report is uploaded, 2 when it was asked for something impossible, 1 when
the server did not take it.

It is also the engine that the server hands to scanners which download theirs, such as pysonar; these start it with
`--engine` and give it all settings as JSON on its standard input.
"""

import io
import json
import os
import re
import sys
import urllib.error
import urllib.request
import uuid
import zipfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode

_TIMEOUT = 60
_NOT_SOURCES = {"node_modules", "__pycache__", "build", "dist"}
_UNDERSTOOD = {
    "sonar.projectKey",
    "sonar.projectName",
    "sonar.projectBaseDir",
    "sonar.sources",
    "sonar.host.url",
    "sonar.python.coverage.reportPaths",
    "sonar.scanner.metadataFilePath",
    "sonar.scm.revision",
    "sonar.pullrequest.key",
    "sonar.pullrequest.branch",
    "sonar.pullrequest.base",
    # These are taken and change nothing here.
    "sonar.projectVersion",
    "sonar.python.version",
    "sonar.scanner.apiBaseUrl",
    "sonar.sourceEncoding",
    "sonar.working.directory",
}


class UsageError(Exception):
    """What was asked for cannot be done; the message says what to change."""


class UploadError(Exception):
    """The server did not take the report."""


def main(arguments: list[str], environment: dict[str, str]) -> int:
    """Scan, upload, write report-task.txt; returns the exit code."""
    try:
        task = scan(arguments, environment)
    except UsageError as problem:
        _say(f"ERROR: {problem}")
        return 2
    except UploadError as problem:
        _say(f"ERROR: {problem}")
        return 1
    _say(f"INFO: The report is uploaded as task {task}")
    return 0


def scan(arguments: list[str], environment: dict[str, str]) -> str:
    """The id of the background task; raises UsageError or UploadError."""
    settings = _engine_settings(sys.stdin.read()) if arguments == ["--engine"] else _settings(arguments)
    key, host = settings.get("sonar.projectKey"), settings.get("sonar.host.url") or environment.get("SONAR_HOST_URL")
    token = settings.pop("sonar.token", None) or environment.get("SONAR_TOKEN")
    if not key or not host or not token:
        raise UsageError("give -Dsonar.projectKey, and SONAR_HOST_URL and SONAR_TOKEN in the environment")
    host, folder = host.rstrip("/"), Path(settings.get("sonar.projectBaseDir", "."))
    version = _request(f"{host}/api/server/version", token).decode()
    query = urlencode(
        {"projectKey": key, "projectName": settings.get("sonar.projectName", key)} | _characteristic(settings)
    )
    body, content_type = _form(_report(folder, settings))
    answer = json.loads(_request(f"{host}/api/ce/submit?{query}", token, body, content_type))
    _write_metadata(folder, settings, key, _public_address(host, token), version, answer["taskId"])
    return str(answer["taskId"])


def _public_address(host: str, token: str) -> str:
    """How the server wants to be called, which people may have set to another address than ours."""
    answer = json.loads(_request(f"{host}/api/settings/values?keys=sonar.core.serverBaseURL", token))
    return next((one["value"] for one in answer["settings"]), host)


def _engine_settings(given: str) -> dict[str, str]:
    """What the program that started this engine has gathered; those that are its own affair are in it too."""
    return {one["key"]: str(one["value"]) for one in json.loads(given)["scannerProperties"]}


def _characteristic(settings: dict[str, str]) -> dict[str, str]:
    key = settings.get("sonar.pullrequest.key")
    return {"characteristic": f"pullRequest={key}"} if key else {}


def _settings(arguments: list[str]) -> dict[str, str]:
    """The file's settings, and over them those of the command line."""
    given = dict(argument[2:].partition("=")[::2] for argument in arguments if argument.startswith("-D"))
    wrong = [argument for argument in arguments if not argument.startswith("-D")]
    if wrong:
        raise UsageError(f"unknown argument {wrong[0]}; settings are given as -Dkey=value")
    file = Path(given.get("sonar.projectBaseDir", ".")) / "sonar-project.properties"
    lines = file.read_text().splitlines() if file.is_file() else []
    pairs = (line.partition("=") for line in lines if "=" in line and not line.lstrip().startswith(("#", "!")))
    settings = {name.strip(): value.strip() for name, _, value in pairs} | given
    # A setting that changes the result must not be passed over in silence.
    if settings.get("sonar.qualitygate.wait") == "false":
        del settings["sonar.qualitygate.wait"]
    unknown = sorted(name for name in settings if name not in _UNDERSTOOD and not name.startswith("sonar.analysis."))
    if unknown:
        raise UsageError(f"the sandbox's scanner does not know {', '.join(unknown)}")
    return settings


def _report(folder: Path, settings: dict[str, str]) -> bytes:
    """A zip file with the sources and, where there is one, the coverage report."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for root in settings.get("sonar.sources", ".").split(","):
            start = folder / root.strip()
            if not start.exists():
                raise UsageError(f"sonar.sources names {root.strip()}, which does not exist")
            for path in _sources(start):
                archive.write(path, f"sources/{path.relative_to(folder).as_posix()}")
        coverage = settings.get("sonar.python.coverage.reportPaths")
        if coverage and (folder / coverage).is_file():
            archive.write(folder / coverage, "coverage.xml")
        told = {name: value for name, value in settings.items() if name.startswith("sonar.analysis.")}
        metadata = {"revision": settings.get("sonar.scm.revision"), "properties": told}
        archive.writestr("metadata.json", json.dumps(metadata))
    return packed.getvalue()


def _sources(start: Path) -> Iterator[Path]:
    """Python files, without what is hidden, installed or generated; links are not followed."""
    if start.is_file():
        yield start
        return
    for folder, names, files in os.walk(start):
        names[:] = sorted(name for name in names if name not in _NOT_SOURCES and not name.startswith("."))
        paths = (Path(folder, name) for name in sorted(files) if name.endswith(".py"))
        yield from (path for path in paths if not path.is_symlink())


def _form(report: bytes) -> tuple[bytes, str]:
    """A form with the field `report`, and its content type."""
    boundary = uuid.uuid4().hex
    head = (
        f"--{boundary}\r\n"
        'Content-Disposition: form-data; name="report"; filename="scanner-report.zip"\r\n'
        "Content-Type: application/zip\r\nContent-Transfer-Encoding: binary\r\n\r\n"
    )
    return head.encode() + report + f"\r\n--{boundary}--\r\n".encode(), f"multipart/form-data; boundary={boundary}"


def _request(url: str, token: str, body: bytes | None = None, content_type: str | None = None) -> bytes:
    if not re.match(r"https?://", url):
        raise UsageError("SONAR_HOST_URL has to start with http:// or https://")
    headers = {"Authorization": f"Bearer {token}"} | ({"Content-Type": content_type} if content_type else {})
    request = urllib.request.Request(url, body, headers)  # noqa: S310 (the scheme is looked at above)
    try:
        with urllib.request.urlopen(request, timeout=_TIMEOUT) as answer:  # noqa: S310
            return bytes(answer.read())
    except urllib.error.HTTPError as refused:
        said = refused.read(500).decode(errors="replace")
        raise UploadError(f"the server answered {refused.code} to {request.selector}: {said}") from None
    except (urllib.error.URLError, OSError) as problem:
        raise UploadError(f"no answer from {request.host}: {problem}") from None


def _write_metadata(folder: Path, settings: dict[str, str], key: str, host: str, version: str, task: str) -> None:
    """report-task.txt, which later steps find the analysis by."""
    file = folder / settings.get("sonar.scanner.metadataFilePath", ".scannerwork/report-task.txt")
    file.parent.mkdir(parents=True, exist_ok=True)
    lines = {
        "projectKey": key,
        "serverUrl": host,
        "serverVersion": version,
        "dashboardUrl": f"{host}/dashboard?{urlencode({'id': key})}",
        "ceTaskId": task,
        "ceTaskUrl": f"{host}/api/ce/task?id={task}",
    }
    file.write_text("".join(f"{name}={value}\n" for name, value in lines.items()))


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], dict(os.environ)))

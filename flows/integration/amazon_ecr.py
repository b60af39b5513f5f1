"""What an application asks of Amazon ECR: tags that stay, a scan that decides, and images kept while they are named."""

from dataclasses import replace
from datetime import UTC, datetime

from blocks.registry import ContainerRegistry
from flows.integration.feedback import report_gates_to_github
from flows.places.loading import load_block
from flows.places.place import load_place
from flows.places.workshop import Workshop
from tasks.domain.candidate import ReleaseCandidate
from tasks.domain.delivery.application import Application, asks_for_scan
from tasks.domain.delivery.model import Delivery
from tasks.domain.errors import ConfigurationError, EvidenceMissing
from tasks.domain.gates.findings import decide_vulnerabilities
from tasks.domain.gates.gate import IMAGE_SCAN, GateResult
from tasks.domain.gates.waiver import sift
from tasks.domain.retention import RetentionPreview
from tasks.domain.verdict import failed, pending
from tasks.gitops.desired_state import read_desired_state, read_history
from tasks.registry.ecr import check_repository, wait_for_scan
from tasks.registry.lifecycle import keep_named, preview_lifecycle


def check_ecr(workshop: Workshop, tag: str) -> None:
    """Raises ConfigurationError where the repository is not as the application asks."""
    if workshop.app.ecr and workshop.app.ecr.immutable_tags:
        check_repository(workshop.registry, workshop.app.image, tag)


def scan_image(workshop: Workshop, candidate: ReleaseCandidate) -> GateResult | None:
    """What the policy says of the vulnerabilities that ECR found in the image; None where nobody asks.

    GitHub is told that the scan is awaited, and what it came to. A scan that is not there has failed.
    """
    if not asks_for_scan(workshop.app) or workshop.app.ecr is None:
        return None
    waiting = GateResult(IMAGE_SCAN, pending(f"ECR scans {candidate.image.short_digest}."))
    report_gates_to_github(workshop, candidate.commit, (waiting,), None)
    scanned = _decide_scan(workshop, candidate, workshop.app.ecr.scan_seconds)
    report_gates_to_github(workshop, candidate.commit, (scanned,), None)
    return scanned


def _decide_scan(workshop: Workshop, candidate: ReleaseCandidate, seconds: int) -> GateResult:
    try:
        findings = wait_for_scan(workshop.registry, workshop.app.image, candidate.digest, seconds=seconds)
    except EvidenceMissing as problem:
        return GateResult(IMAGE_SCAN, failed(f"{problem}."))
    sifted = sift(findings, workshop.waivers, datetime.now(UTC).date())
    return replace(decide_vulnerabilities(workshop.app.gates.vulnerabilities, sifted), gate=IMAGE_SCAN)


def keep_images(delivery: Delivery, application: str, app: Application) -> str:
    """Put the lifecycle policy, where one is asked for, around every digest that an environment has or had."""
    if not app.ecr or app.ecr.keep_newest is None:
        return ""
    named = named_digests(delivery, application)
    return keep_named(load_block(ContainerRegistry, app.registry), app.image, named, app.ecr.keep_newest)


def preview_images(delivery: Delivery, application: str, app: Application) -> RetentionPreview:
    """What keep_images would do; raises ConfigurationError where no policy is asked for."""
    if not app.ecr or app.ecr.keep_newest is None:
        raise ConfigurationError(f"{application} asks for no lifecycle policy; set its `ecr.keep-newest`")
    registry = load_block(ContainerRegistry, app.registry)
    return preview_lifecycle(registry, app.image, named_digests(delivery, application), app.ecr.keep_newest)


def named_digests(delivery: Delivery, application: str) -> frozenset[str]:
    """Every digest that the GitOps repository names for one of the application's environments, or has named."""
    named: set[str] = set()
    for environment in delivery.environments_of(application):
        place = load_place(application, environment, delivery)
        desired = read_desired_state(place.gitops, place.env.manifest)
        history = read_history(place.gitops, application, environment)
        named |= {change.digest for change in history}
        named |= {desired.image.digest} if desired.image and desired.image.digest else set()
    return frozenset(named)

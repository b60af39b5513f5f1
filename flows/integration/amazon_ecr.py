"""What an application asks of Amazon ECR: tags that stay, a scan that decides, and images kept while they are named."""

from dataclasses import replace
from datetime import UTC, datetime

from flows.places.place import load_place
from flows.places.workshop import Workshop
from tasks.domain.candidate import ReleaseCandidate
from tasks.domain.delivery.application import Application
from tasks.domain.delivery.model import Delivery
from tasks.domain.gates.findings import decide_vulnerabilities
from tasks.domain.gates.gate import GateResult
from tasks.domain.gates.waiver import sift
from tasks.gitops.desired_state import read_desired_state, read_history
from tasks.registry.ecr import check_repository, wait_for_scan
from tasks.registry.lifecycle import keep_named

IMAGE_SCAN = "image-scan"


def check_ecr(workshop: Workshop, tag: str) -> None:
    """Raises ConfigurationError where the repository is not as the application asks."""
    if workshop.app.ecr and workshop.app.ecr.immutable_tags:
        check_repository(workshop.registry, workshop.app.image, tag)


def scan_image(workshop: Workshop, candidate: ReleaseCandidate) -> GateResult | None:
    """What the policy says of the vulnerabilities that ECR found in the image; None where nobody asks."""
    if not workshop.app.ecr or not workshop.app.ecr.scan_seconds:
        return None
    seconds = workshop.app.ecr.scan_seconds
    findings = wait_for_scan(workshop.registry, workshop.app.image, candidate.digest, seconds=seconds)
    sifted = sift(findings, workshop.waivers, datetime.now(UTC).date())
    return replace(decide_vulnerabilities(workshop.app.gates.vulnerabilities, sifted), gate=IMAGE_SCAN)


def keep_images(delivery: Delivery, application: str, app: Application) -> str:
    """Put the lifecycle policy, where one is asked for, around every digest that an environment has or had."""
    if not app.ecr or app.ecr.keep_newest is None:
        return ""
    named: set[str] = set()
    registry = None
    for environment in delivery.environments_of(application):
        place = load_place(application, environment, delivery)
        registry = place.registry
        desired = read_desired_state(place.gitops, place.env.manifest)
        history = read_history(place.gitops, application, environment)
        named |= {change.digest for change in history}
        named |= {desired.image.digest} if desired.image and desired.image.digest else set()
    return keep_named(registry, app.image, frozenset(named), app.ecr.keep_newest) if registry else ""

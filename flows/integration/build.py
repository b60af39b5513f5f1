"""Builds, pushes and proves a commit's one image, or adopts the one that is there; the second half of integrate."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from prefect import get_run_logger
from prefect.runtime import flow_run

from flows.integration.amazon_ecr import check_ecr, scan_image
from flows.integration.builders import Builder, open_builder
from flows.integration.prove import is_built_here, origin_of, prove_gates, prove_origin
from flows.integration.rebuild import find_same_release
from flows.places.workshop import Workshop
from tasks.domain.candidate import ReleaseCandidate
from tasks.domain.commit import CommitFacts
from tasks.domain.dockerfile import base_image, read_stages, used_bases
from tasks.domain.errors import EvidenceMissing
from tasks.domain.gates.gate import GateResult, decide_all
from tasks.domain.image import ImageReference
from tasks.domain.image_content import Built
from tasks.domain.image_labels import image_labels
from tasks.domain.proof.provenance import BuildRecord, Origin
from tasks.registry.images import find_digest, find_tags, read_content
from tasks.runs.promotions import run_url
from tasks.source.checkout import checkout
from tasks.work_tree import read_dockerfile

# How many earlier builds of the same commit a rebuild is compared with.
_COMPARED = 3


def build_candidate(
    workshop: Workshop, facts: CommitFacts, gates: tuple[GateResult, ...], *, fresh: bool
) -> ReleaseCandidate:
    """The digest comes from the registry, never from the build's own output.

    The tag is the full commit; of a rebuild also the day, because a tag is never moved to another image. A rebuild that
    brings nothing new is the earlier build. Where images are signed, one that is there is adopted only if a trusted key
    has signed that it was built here: what somebody else pushed under the tag is never signed. The candidate's gates
    include the scan of the image, where one is asked for; one that fails leaves the image without their signature.
    Raises EvidenceMissing where the registry does not have what was pushed.
    """
    origin, record = origin_of(workshop, facts.sha), None
    tag = _day_tag(facts) if fresh else facts.sha
    check_ecr(workshop, tag)
    digest = find_digest(workshop.registry, workshop.app.image, tag)
    if digest is None or (origin is not None and not is_built_here(workshop, digest, origin)):
        tag, digest, record = _build(workshop, facts, tag, origin, fresh=fresh)
    named = ImageReference(f"{workshop.registry.host}/{workshop.app.image}", tag, digest)
    candidate = ReleaseCandidate(workshop.application, facts.sha, named, facts.author_name, facts.subject, gates)
    if origin is not None:
        prove_origin(workshop, candidate, record)
        candidate = (find_same_release(workshop, candidate, origin) if fresh else None) or candidate
    # Before the gates are signed, so that the scan is one of them.
    if scanned := scan_image(workshop, candidate):
        candidate = replace(candidate, gates=(*gates, scanned))
    if origin is None or not decide_all(candidate.gates).has_passed:
        return candidate
    return replace(candidate, proof=prove_gates(workshop, candidate, origin))


def _build(
    workshop: Workshop, facts: CommitFacts, tag: str, origin: Origin | None, *, fresh: bool
) -> tuple[str, str, BuildRecord | None]:
    """Tag and digest of what was built, or of the same that is there already, and what the provenance says of it."""
    started = datetime.now(UTC)
    image = ImageReference(f"{workshop.registry.host}/{workshop.app.image}", tag)
    # The checks had a checkout of their own: what they left behind does not get into the image.
    with (
        checkout(workshop.github, workshop.app.repository, facts.sha) as tree,
        open_builder(workshop, image) as builder,
    ):
        built, pinned = _build_tree(workshop, facts, builder, tree, fresh=fresh)
        tag, digest = _same(workshop, facts, built) or _push(workshop, builder)
    if origin is None or is_built_here(workshop, digest, origin):
        return tag, digest, None
    finished, run = datetime.now(UTC), run_url(str(flow_run.id))
    parameters = workshop.app.build.model_dump(mode="json", by_alias=True, exclude_none=True)
    bases = built.bases or pinned
    return tag, digest, BuildRecord(origin, workshop.app.branch, started, finished, run, bases, parameters)


def _build_tree(
    workshop: Workshop, facts: CommitFacts, builder: Builder, tree: Path, *, fresh: bool
) -> tuple[Built, tuple[ImageReference, ...]]:
    """What was built, and the base images as the Dockerfile names them."""
    build, source = workshop.app.build, f"{workshop.github.web_url}/{workshop.app.repository}"
    stages = read_stages(read_dockerfile(tree, build), build.arguments)
    base = base_image(stages, build.target)
    labels = image_labels(title=workshop.application, source=source, commit=facts, base=base.image if base else None)
    built = builder.build(tree, labels, used_bases(stages), fresh=fresh)
    return built, tuple(one.image for one in used_bases(stages) if one.image)


def _same(workshop: Workshop, facts: CommitFacts, built: Built) -> tuple[str, str] | None:
    """Tag and digest of an image of this commit that contains exactly what was built."""
    for tag in find_tags(workshop.registry, workshop.app.image, facts.sha)[:_COMPARED]:
        digest = find_digest(workshop.registry, workshop.app.image, tag)
        if digest and built.content and read_content(workshop.registry, workshop.app.image, digest) == built.content:
            get_run_logger().info("What was built is what %s has already; it is not pushed again", tag)
            return tag, digest
    return None


def _push(workshop: Workshop, builder: Builder) -> tuple[str, str]:
    """Push under a tag that nothing has yet, and read the digest back."""
    image, tag = builder.image, str(builder.image.tag)
    if find_digest(workshop.registry, workshop.app.image, tag) is not None:
        raise EvidenceMissing(
            f"{image} is there, but nobody has signed that it was built here, and this commit gives another image;"
            " find out who pushed it and delete the tag, or push a new commit"
        )
    pushed = builder.push()
    digest = find_digest(workshop.registry, workshop.app.image, tag)
    if digest is None:
        raise EvidenceMissing(f"{image} was pushed, but the registry does not have it; look at the registry's log")
    if pushed is not None and pushed != digest:
        raise EvidenceMissing(f"{image} was pushed as {pushed}, but is {digest} now; find out who else pushes there")
    return tag, digest


def _day_tag(facts: CommitFacts) -> str:
    return f"{facts.sha}-{datetime.now(UTC):%Y%m%d}"

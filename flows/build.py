"""Builds, pushes and proves a commit's one image, or adopts the one that is there; the second half of integrate."""

from dataclasses import replace
from datetime import UTC, datetime

from prefect.runtime import flow_run

from flows.prove import is_built_here, origin_of, prove
from flows.workshop import Workshop
from tasks.docker import build_image, push_image
from tasks.domain.candidate import ReleaseCandidate
from tasks.domain.commit import CommitFacts
from tasks.domain.errors import EvidenceMissing
from tasks.domain.gates.gate import GateResult
from tasks.domain.image import ImageReference
from tasks.domain.image_labels import image_labels
from tasks.domain.proof.provenance import BuildRecord, Origin
from tasks.registry import find_digest
from tasks.runs import run_url
from tasks.source import checkout


def build_candidate(
    workshop: Workshop, facts: CommitFacts, gates: tuple[GateResult, ...], *, fresh: bool
) -> ReleaseCandidate:
    """The digest comes from the registry, never from the build's own output.

    The tag is the full commit; of a rebuild also the day, because a tag is never moved to another image. Where images
    are signed, one that is there is adopted only if a trusted key has signed that it was built here: what somebody else
    pushed under the tag is never signed. Raises EvidenceMissing where the registry does not have what was pushed.
    """
    tag = f"{facts.sha}-{datetime.now(UTC):%Y%m%d}" if fresh else facts.sha
    image = ImageReference(f"{workshop.registry.host}/{workshop.app.image}", tag)
    origin, record = origin_of(workshop, facts.sha), None
    digest = find_digest(workshop.registry, workshop.app.image, tag)
    if digest is None or (origin is not None and not is_built_here(workshop, digest, origin)):
        record = _build_and_push(workshop, facts, image, origin, fresh=fresh)
        digest = find_digest(workshop.registry, workshop.app.image, tag)
    if digest is None:
        raise EvidenceMissing(f"{image} was pushed, but the registry does not have it; look at the registry's log")
    named = ImageReference(image.repository, tag, digest)
    candidate = ReleaseCandidate(workshop.application, facts.sha, named, facts.author_name, facts.subject, gates)
    return candidate if origin is None else replace(candidate, proof=prove(workshop, candidate, origin, record))


def _build_and_push(
    workshop: Workshop, facts: CommitFacts, image: ImageReference, origin: Origin | None, *, fresh: bool
) -> BuildRecord | None:
    """What the provenance says of the build; None where nothing is signed."""
    # The checks had a checkout of their own: what they left behind does not get into the image.
    source = f"{workshop.github.web_url}/{workshop.app.repository}"
    labels = image_labels(title=workshop.application, source=source, commit=facts)
    started = datetime.now(UTC)
    with checkout(workshop.github, workshop.app.repository, facts.sha) as tree:
        build_image(workshop.engine, tree, workshop.app.build, image, labels, fresh=fresh)
    push_image(workshop.engine, workshop.registry, image)
    if origin is None:
        return None
    finished, run = datetime.now(UTC), run_url(str(flow_run.id))
    parameters = workshop.app.build.model_dump(mode="json", by_alias=True, exclude_none=True)
    return BuildRecord(origin, workshop.app.branch, started, finished, run, (), parameters)

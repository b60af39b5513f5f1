"""Builds and pushes a commit's one image, or adopts the one that is there; the second half of integrate."""

from datetime import UTC, datetime

from flows.workshop import Workshop
from tasks.docker import build_image, push_image
from tasks.domain.candidate import ReleaseCandidate
from tasks.domain.commit import CommitFacts
from tasks.domain.errors import EvidenceMissing
from tasks.domain.gates.gate import GateResult
from tasks.domain.image import ImageReference
from tasks.domain.image_labels import image_labels
from tasks.registry import find_digest
from tasks.source import checkout


def build_candidate(
    workshop: Workshop, facts: CommitFacts, gates: tuple[GateResult, ...], *, fresh: bool
) -> ReleaseCandidate:
    """The digest comes from the registry, never from the build's own output.

    The tag is the full commit; of a rebuild also the day, because a tag is never moved to another image. Raises
    EvidenceMissing where the registry does not have what was pushed.
    """
    tag = f"{facts.sha}-{datetime.now(UTC):%Y%m%d}" if fresh else facts.sha
    image = ImageReference(f"{workshop.registry.host}/{workshop.app.image}", tag)
    digest = find_digest(workshop.registry, workshop.app.image, tag)
    if digest is None:
        _build_and_push(workshop, facts, image, fresh=fresh)
        digest = find_digest(workshop.registry, workshop.app.image, tag)
    if digest is None:
        raise EvidenceMissing(f"{image} was pushed, but the registry does not have it; look at the registry's log")
    named = ImageReference(image.repository, tag, digest)
    return ReleaseCandidate(workshop.application, facts.sha, named, facts.author_name, facts.subject, gates)


def _build_and_push(workshop: Workshop, facts: CommitFacts, image: ImageReference, *, fresh: bool) -> None:
    # The checks had a checkout of their own: what they left behind does not get into the image.
    source = f"{workshop.github.web_url}/{workshop.app.repository}"
    labels = image_labels(title=workshop.application, source=source, commit=facts)
    with checkout(workshop.github, workshop.app.repository, facts.sha) as tree:
        build_image(workshop.engine, tree, workshop.app.build, image, labels, fresh=fresh)
    push_image(workshop.engine, workshop.registry, image)

"""Finds the earlier build of a commit that a rebuild brings nothing new to, though its files carry another time."""

from dataclasses import replace

from flows.integration.prove import is_built_here
from flows.places.workshop import Workshop
from flows.proof import read_statements
from tasks.domain.candidate import ReleaseCandidate
from tasks.domain.proof.kinds import CYCLONEDX, PROVENANCE
from tasks.domain.proof.provenance import Origin
from tasks.domain.proof.rebuild import Contents, brings_nothing, contents_of
from tasks.registry.images import find_digest, find_tags, read_content
from tasks.run_log import run_logger

# How many builds of one commit are looked at; more are there only where nothing ever cleans up.
_COMPARED = 30


def find_same_release(workshop: Workshop, rebuilt: ReleaseCandidate, origin: Origin) -> ReleaseCandidate | None:
    """The first build of the commit that has what the rebuild has, so that it is the same one every night."""
    contents = _contents(workshop, rebuilt.digest)
    tags = find_tags(workshop.registry, workshop.app.image, rebuilt.commit)
    for tag in sorted(tags)[:_COMPARED]:
        digest = find_digest(workshop.registry, workshop.app.image, tag)
        if digest is None or digest == rebuilt.digest or not is_built_here(workshop, digest, origin):
            continue
        if brings_nothing(contents, _contents(workshop, digest)):
            run_logger().info("The rebuild %s brings nothing that %s does not have", rebuilt.image.tag, tag)
            return replace(rebuilt, image=replace(rebuilt.image, tag=tag, digest=digest))
    return None


def _contents(workshop: Workshop, digest: str) -> Contents:
    if workshop.signing is None:
        return contents_of(None, ())
    place = (workshop.registry, workshop.app.image)
    statements = read_statements(*place, workshop.signing, digest, PROVENANCE, CYCLONEDX)
    return contents_of(read_content(*place, digest), statements)

"""What speaks against an application's image before it is built: read from its Dockerfile, counted by its gates."""

from pathlib import Path

from flows.places.workshop import Workshop
from tasks.domain.dockerfile import dockerfile_findings
from tasks.domain.gates.finding import Finding, with_fingerprints
from tasks.work_tree import read_dockerfile


def find_in_dockerfile(workshop: Workshop, tree: Path) -> tuple[Finding, ...]:
    """The findings with their fingerprints; none where there is no Dockerfile, which the build says better."""
    build = workshop.app.build
    text = read_dockerfile(tree, build)
    found = dockerfile_findings(text, build.arguments, file=build.dockerfile, target=build.target)
    lines = text.splitlines()
    return with_fingerprints(found, lambda _file, line: lines[line - 1] if 0 < line <= len(lines) else "")

"""Builds the release that runs before anything happens."""

from deployments.sandbox.changes import sample_files
from deployments.sandbox.engines import build_and_push, context_of

_REVISION = "org.opencontainers.image.revision"


def build_first_release(engine_url: str, image: str, commit: str, base_image: str) -> str:
    """Push it under the commit's tag and return its digest."""
    files = sample_files()
    files["Dockerfile"] += f'LABEL {_REVISION}="{commit}"\n'
    arguments = {"BASE": base_image, "COMMIT": commit}
    return build_and_push(engine_url, f"{image}:{commit}", context_of(files), arguments)

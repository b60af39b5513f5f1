"""The sample repositories' first content, with what only the sandbox knows put in.

The sample GitOps repository carries four tokens: `@REPO_URL@`, its own address in the Application manifests;
`@IMAGE_REPOSITORY@`, `@IMAGE_TAG@` and `@IMAGE_DIGEST@`, the image that both environments run at first.
"""

from pathlib import Path

from tasks.domain.errors import ConfigurationError
from tasks.domain.image import ImageReference

_SAMPLES = Path(__file__).parent / "samples"


def gitops_files(repo_url: str, image_repository: str, digest: str, tag: str) -> dict[str, str]:
    """The GitOps repository's files by path, ready to commit.

    Raises InvalidImageReference for a malformed image, and ConfigurationError for an address that YAML cannot hold.
    """
    ImageReference(image_repository, tag, digest)
    if any(sign in repo_url for sign in '"\\') or not repo_url.isprintable():
        raise ConfigurationError(f"{repo_url!r} cannot be the GitOps repository's address; leave out quotes and spaces")
    tokens = {
        "@REPO_URL@": repo_url,
        "@IMAGE_REPOSITORY@": image_repository,
        "@IMAGE_TAG@": tag,
        "@IMAGE_DIGEST@": digest,
    }
    folder = _SAMPLES / "gitops"
    return {
        path.relative_to(folder).as_posix(): _replaced(path.read_text(), tokens)
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def _replaced(text: str, tokens: dict[str, str]) -> str:
    for token, value in tokens.items():
        text = text.replace(token, value)
    return text

"""Runs git in the mirror: by itself, or with the remote."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tasks.git_command import run_git_in_bytes

_REMOTE_SECONDS = 300
_LOCAL_SECONDS = 60


@dataclass(frozen=True, slots=True)
class MirrorGit:
    """Git with one bare repository; `url` is the remote's, and how messages call it."""

    folder: Path
    url: str
    environment: Mapping[str, str]

    def local(self, *arguments: str, given: bytes = b"", folder: Path | None = None) -> str:
        """What a command prints that needs nothing of the remote; raises what run_git_in_bytes raises."""
        # Without this, git asks the remote for every commit that it does not know.
        only_here = {"GIT_ALLOW_PROTOCOL": "none"}
        output = self._run(arguments, only_here, given, folder or self.folder, _LOCAL_SECONDS)
        return output.decode("utf-8", errors="replace")

    def remote(self, *arguments: str, given: bytes = b"") -> bytes:
        """What a command prints that may ask the remote; raises what run_git_in_bytes raises."""
        return self._run(arguments, {}, given, self.folder, _REMOTE_SECONDS)

    def _run(
        self, arguments: tuple[str, ...], variables: Mapping[str, str], given: bytes, folder: Path, seconds: int
    ) -> bytes:
        # Paths are taken as they are, and not as patterns.
        own = {"GIT_DIR": str(folder), "GIT_LITERAL_PATHSPECS": "1"}
        return run_git_in_bytes(
            *arguments,
            environment={**self.environment, **own, **variables},
            remote=self.url,
            given=given,
            timeout_seconds=seconds,
        )

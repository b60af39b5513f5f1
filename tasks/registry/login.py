"""A registry's login for programs that know only Docker's own files: in a private folder, gone when the block ends."""

import base64
import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from blocks.registry import ContainerRegistry
from tasks.aws_problems import aws_problems


@contextmanager
def login_folder(registry: ContainerRegistry) -> Iterator[Path]:
    """A folder that nobody else may read, with a config.json as DOCKER_CONFIG wants it; raises as aws_problems does.

    Never the command line, where every user of the machine sees a password.
    """
    with aws_problems(registry.host):
        login = registry.login()
    auths = {registry.host: {"auth": base64.b64encode(":".join(login).encode()).decode()}} if login else {}
    with tempfile.TemporaryDirectory(prefix="tidegate-login-", ignore_cleanup_errors=True) as folder:
        file = Path(folder) / "config.json"
        file.touch(mode=0o600)
        file.write_text(json.dumps({"auths": auths}))
        yield Path(folder)

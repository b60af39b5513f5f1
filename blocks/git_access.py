"""How git reaches a remote: secrets in its environment or in files for its own eyes, never in argv or a URL."""

import base64
import os
import shlex
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

# Only what git and the programs it calls need to run at all; nothing of this system's own settings.
_PASSED_ON = (
    "PATH",
    "HOME",
    "LANG",
    "TMPDIR",
    "SSH_AUTH_SOCK",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "HTTPS_PROXY",
    "NO_PROXY",
)
# A file there is in memory only.
_MEMORY = Path("/dev/shm")  # noqa: S108 - everything in it is in a folder of its own, which nobody else may read


def git_environment(url: str, username: str, token: str | None) -> dict[str, str]:
    """The whole environment for git commands against `url`; without a token they are anonymous.

    The header is bound to the remote's origin, so that a redirect to another host does not carry it
    (https://git-scm.com/docs/git-config, http.<url>.extraHeader).
    """
    environment = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    # A remote that asks for a password must fail, not wait for one.
    environment |= {"GIT_TERMINAL_PROMPT": "0", "GIT_CONFIG_NOSYSTEM": "1", "LC_ALL": "C.UTF-8"}
    environment["GIT_SSH_COMMAND"] = os.environ.get("GIT_SSH_COMMAND", "ssh -o BatchMode=yes -o ConnectTimeout=30")
    if token is None or not url.startswith(("http://", "https://")):
        return environment
    origin = "{0.scheme}://{0.netloc}/".format(urlsplit(url))
    basic = base64.b64encode(f"{username}:{token}".encode()).decode()
    return with_settings(environment, {f"http.{origin}.extraHeader": f"Authorization: Basic {basic}"})


def with_settings(environment: Mapping[str, str], settings: Mapping[str, str]) -> dict[str, str]:
    """The same with settings of git's on top (https://git-scm.com/docs/git-config, GIT_CONFIG_COUNT)."""
    extended, count = dict(environment), int(environment.get("GIT_CONFIG_COUNT", "0"))
    for number, (key, value) in enumerate(settings.items(), start=count):
        extended |= {f"GIT_CONFIG_KEY_{number}": key, f"GIT_CONFIG_VALUE_{number}": value}
    return extended | {"GIT_CONFIG_COUNT": str(count + len(settings))}


def ssh_command(key: Path, known_hosts: Path) -> str:
    """How git calls ssh: with this key and no other, and only to a host that shows a key we know (ssh_config(5))."""
    options = {
        "BatchMode": "yes",
        "ConnectTimeout": "30",
        "IdentitiesOnly": "yes",
        "IdentityAgent": "none",
        "StrictHostKeyChecking": "yes",
        "UserKnownHostsFile": f'"{known_hosts}"',
        "GlobalKnownHostsFile": "/dev/null",
    }
    settings = [part for name, value in options.items() for part in ("-o", f"{name}={value}")]
    # -F none: the settings of whoever runs the worker must not add keys or hosts.
    return shlex.join(["ssh", "-F", "none", "-i", str(key), *settings])


@contextmanager
def private_files(texts: Mapping[str, str]) -> Iterator[dict[str, Path]]:
    """A file for each text, by its name, that only this user may read; they are gone when the block ends."""
    folder = str(_MEMORY) if _MEMORY.is_dir() and os.access(_MEMORY, os.W_OK) else None
    with tempfile.TemporaryDirectory(prefix="tidegate-", dir=folder) as private:
        files = {name: Path(private) / name for name in texts}
        for name, file in files.items():
            # A key without a line end at its end is no key to OpenSSH.
            content = texts[name].replace("\r\n", "\n").strip() + "\n"
            with open(file, "x", opener=lambda path, flags: os.open(path, flags, 0o600)) as opened:
                opened.write(content)
        yield files

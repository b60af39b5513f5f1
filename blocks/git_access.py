"""How git reaches a remote with a token: through its environment, so that no secret is in argv, a URL or a file."""

import base64
import os
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
    return environment | {
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": f"http.{origin}.extraHeader",
        "GIT_CONFIG_VALUE_0": f"Authorization: Basic {basic}",
    }

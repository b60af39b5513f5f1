"""Who we are at GitHub: what others report or write under our names is not ours."""

from dataclasses import dataclass

from blocks.github import GitHub
from tasks.domain.errors import AccessRefused
from tasks.github.api import send
from tasks.github.problems import github_problems

_known: dict[str, "Ourselves"] = {}


@dataclass(frozen=True, slots=True)
class Ourselves:
    """Our login, empty where GitHub does not tell it; an App has an id too."""

    login: str
    app_id: int | None = None

    def wrote(self, user: object) -> bool:
        """Whether this user of an answer is us; where we do not know who we are, everybody may be."""
        return not self.login or (isinstance(user, dict) and user.get("login") == self.login)


def who_we_are(github: GitHub, repository: str) -> Ourselves:
    """Asked once in this process; raises AccessRefused where the App's key is wrong."""
    key = github.fingerprint
    if key not in _known:
        _known[key] = _ask(github, repository)
    return _known[key]


def _ask(github: GitHub, repository: str) -> Ourselves:
    if app := github.app:
        with github_problems():
            said = app.describe()
        return Ourselves(f"{said['slug']}[bot]", int(said["id"]))
    with github.get_client(repository) as client:
        try:
            return Ourselves(str(send(client, client.build_request("GET", "/user"), right="read:user").json()["login"]))
        except AccessRefused:
            # An Actions token belongs to nobody.
            return Ourselves("")

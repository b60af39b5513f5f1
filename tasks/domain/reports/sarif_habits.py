"""What single tools do in SARIF that the standard does not say; each was seen in the tool's own report."""

from dataclasses import dataclass

from tasks.domain.gates.finding import Kind
from tasks.domain.reports.bandit import names_password, without_password
from tasks.domain.reports.sarif_parts import Level

# Semgrep writes this in place of each fingerprint for who is not logged in: it is the same for all of its results.
NO_FINGERPRINTS = frozenset({"requires login"})
# These find nothing but secrets, and give neither a level nor a score.
_SECRET_SCANNERS = frozenset({"gitleaks"})
# These call a run successful in which they could not read a file. Of others, such as CodeQL, an error may mean less.
_PASS_OVER_ERRORS = frozenset({"bandit"})


@dataclass(frozen=True, slots=True)
class Habits:
    """How to read a tool's results of one rule; `level` is for those that have none."""

    kind: Kind = Kind.CODE
    # https://docs.oasis-open.org/sarif/sarif/v2.1.0/, 3.27.10: where nothing says otherwise.
    level: Level = "warning"
    ends_in_password: bool = False
    # Not a finding, but the tool's word that it could not look at the code.
    is_failure: bool = False

    def shown(self, message: str) -> str:
        """The message without a secret that it ends in."""
        return without_password(message) if self.ends_in_password else message


def habits_of(tool: str, rule: str) -> Habits:
    """Those of the tool, by the name that it gives itself."""
    if tool.casefold() in _SECRET_SCANNERS:
        return Habits(Kind.SECRET, "error")
    if (tool.casefold(), rule) == ("staticcheck", "compile"):
        return Habits(is_failure=True)
    if tool.casefold() == "bandit" and names_password(rule):
        return Habits(Kind.SECRET, ends_in_password=True)
    return Habits()


def passes_over_errors(tool: str) -> bool:
    """Whether an error that the tool tells of means that it did not look at everything, though it says otherwise."""
    return tool.casefold() in _PASS_OVER_ERRORS

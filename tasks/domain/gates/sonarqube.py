"""What SonarQube's answers mean: the computation of an analysis, its quality gate, and what it has analysed before.

https://docs.sonarsource.com/sonarqube-server/extension-guide/web-api
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from tasks.domain.errors import EvidenceMissing
from tasks.domain.verdict import Verdict, failed, passed
from tasks.domain.wording import counted

_OPERATORS = {"LT": "at least", "GT": "at most"}
_MOST_SHOWN = 6


@dataclass(frozen=True, slots=True)
class ComputedTask:
    """A task of SonarQube's compute engine; `analysis` is there once it has succeeded, `project` is whose it is."""

    status: str
    analysis: str = ""
    message: str = ""
    project: str = ""

    @property
    def has_ended(self) -> bool:
        """Whether waiting longer changes nothing."""
        return self.status not in {"PENDING", "IN_PROGRESS"}


@dataclass(frozen=True, slots=True)
class QualityGate:
    """SonarQube's own gate: its status, and the sentences of the conditions that do not hold, and that do.

    `is_lenient` where conditions were passed over because few lines changed.
    """

    status: str
    problems: tuple[str, ...] = ()
    held: tuple[str, ...] = ()
    is_lenient: bool = False


def parse_task(answer: Any) -> ComputedTask:
    """Read the answer of api/ce/task; raises EvidenceMissing where it is not one."""
    task = _part(answer, "task")
    return ComputedTask(
        str(task["status"]),
        str(task.get("analysisId", "")),
        str(task.get("errorMessage", "")),
        str(task.get("componentKey", "")),
    )


def parse_gate(answer: Any) -> QualityGate:
    """Read the answer of api/qualitygates/project_status, whose numbers are texts; raises EvidenceMissing."""
    status = _part(answer, "projectStatus")
    conditions = [one for one in status.get("conditions", []) if isinstance(one, dict)]
    bad = [_sentence(condition) for condition in conditions if condition.get("status") == "ERROR"]
    # One without a value was not measured.
    good = [_sentence(one) for one in conditions if one.get("status") == "OK" and one.get("actualValue") is not None]
    return QualityGate(str(status["status"]), tuple(bad), tuple(good), bool(status.get("ignoredConditions")))


def find_revision(answer: Any, commit: str) -> str | None:
    """The newest analysis of this commit in the answer of api/project_analyses/search, None where it names none.

    It has the newest first; `revision` is what the scanner was given as sonar.scm.revision, or found.
    """
    analyses = answer.get("analyses") if isinstance(answer, dict) else None
    found = (one for one in analyses or () if isinstance(one, dict) and one.get("revision") == commit)
    return next((str(one["key"]) for one in found if one.get("key")), None)


def queued_tasks(answer: Any) -> tuple[str, ...]:
    """The uploads of the mainline in the answer of api/ce/component that are not computed yet."""
    queue = answer.get("queue") if isinstance(answer, dict) else None
    reports = (one for one in queue or () if isinstance(one, dict) and one.get("type") == "REPORT")
    return tuple(str(one["id"]) for one in reports if one.get("id") and not one.get("pullRequest"))


def decide_task(task: ComputedTask, *, limit: float, project: str = "") -> Verdict:
    """Passed once the analysis is there to be judged; `limit` is how many seconds were waited.

    A task of another project than this one has failed: somebody else's good analysis says nothing.
    """
    if task.status == "GONE":
        return failed("SonarQube knows no such analysis task; check that the scanner reported to the same server.")
    if project and task.project and task.project != project:
        return failed(
            f"The analysis is one of the project {task.project}, not of {project}; correct the project's key."
        )
    if not task.has_ended:
        return failed(f"SonarQube is not done after {limit:.0f} s ({task.status}); look at its background tasks.")
    if task.status != "SUCCESS":
        said = task.message or "it gave no reason"
        return failed(f"SonarQube could not compute the analysis ({task.status}): {said}")
    if not task.analysis:
        return failed("SonarQube computed the analysis but gave it no id; look at its background tasks.")
    return passed("SonarQube has computed the analysis.")


def decide_quality_gate(gate: QualityGate, accept: Collection[str] = ("OK",)) -> Verdict:
    """Passed where the policy accepts the gate's status; a project without a quality gate has not passed one."""
    if gate.status == "OK":
        return passed(f"SonarQube's quality gate passed{_shown(gate.held)}.{_leniency(gate)}")
    if gate.status in accept:
        return passed(f"SonarQube's quality gate says {gate.status}, which the policy accepts.")
    if gate.status == "NONE":
        return failed("The project has no quality gate in SonarQube; assign one.")
    if gate.status == "WARN" and not gate.problems:
        return failed("SonarQube's quality gate warns; look at the project.")
    return failed(f"SonarQube's quality gate failed: {'; '.join(gate.problems) or gate.status}.")


def _part(answer: Any, name: str) -> Mapping[str, Any]:
    part = answer.get(name) if isinstance(answer, dict) else None
    if not isinstance(part, dict) or not part.get("status"):
        raise EvidenceMissing(f"SonarQube's answer has no {name} with a status; check the block's URL")
    return part


def _sentence(condition: Mapping[str, Any]) -> str:
    metric = str(condition.get("metricKey", "a metric")).replace("_", " ")
    actual, threshold = condition.get("actualValue", "unknown"), condition.get("errorThreshold", "unknown")
    wanted = _OPERATORS.get(str(condition.get("comparator")), "another value than")
    return f"{metric} is {actual}, {wanted} {threshold} is asked for"


def _shown(held: tuple[str, ...]) -> str:
    if not held:
        return ""
    more = len(held) - _MOST_SHOWN
    return f": {'; '.join(held[:_MOST_SHOWN])}" + (f"; and {counted(more, 'condition')} more" if more > 0 else "")


def _leniency(gate: QualityGate) -> str:
    return " Few lines changed, so some of its conditions were not looked at." if gate.is_lenient else ""

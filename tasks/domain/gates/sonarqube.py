"""What SonarQube's answers mean: the computation of an analysis, and its quality gate."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from tasks.domain.errors import EvidenceMissing
from tasks.domain.verdict import Verdict, failed, passed

_OPERATORS = {"LT": "at least", "GT": "at most"}


@dataclass(frozen=True, slots=True)
class ComputedTask:
    """A task of SonarQube's compute engine; `analysis` is there once it has succeeded."""

    status: str
    analysis: str = ""
    message: str = ""

    @property
    def has_ended(self) -> bool:
        """Whether waiting longer changes nothing."""
        return self.status not in {"PENDING", "IN_PROGRESS"}


@dataclass(frozen=True, slots=True)
class QualityGate:
    """SonarQube's own gate: its status, and the sentences of the conditions that do not hold."""

    status: str
    problems: tuple[str, ...] = ()


def parse_task(answer: Any) -> ComputedTask:
    """Read the answer of api/ce/task; raises EvidenceMissing where it is not one."""
    task = _part(answer, "task")
    return ComputedTask(str(task["status"]), str(task.get("analysisId", "")), str(task.get("errorMessage", "")))


def parse_gate(answer: Any) -> QualityGate:
    """Read the answer of api/qualitygates/project_status, whose numbers are texts; raises EvidenceMissing."""
    status = _part(answer, "projectStatus")
    bad = [_sentence(condition) for condition in status.get("conditions", []) if condition.get("status") == "ERROR"]
    return QualityGate(str(status["status"]), tuple(bad))


def decide_task(task: ComputedTask, *, limit: float) -> Verdict:
    """Passed once the analysis is there to be judged; `limit` is how many seconds were waited."""
    if task.status == "GONE":
        return failed("SonarQube knows no such analysis task; check that the scanner reported to the same server.")
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
        return passed("SonarQube's quality gate passed.")
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

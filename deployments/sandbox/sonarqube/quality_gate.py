"""SonarQube's quality gate: conditions on measures, and what they come to."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal


@dataclass(frozen=True)
class Condition:
    """Fails where the measure is less (LT) or greater (GT) than the threshold."""

    metric: str
    comparator: Literal["LT", "GT"]
    threshold: str

    def fails(self, actual: Decimal) -> bool:
        """Whether this value makes the gate fail."""
        limit = Decimal(self.threshold)
        return actual < limit if self.comparator == "LT" else actual > limit


# Issues in new code are those that the analysis before did not have, so the first analysis has none.
DEFAULT_CONDITIONS = (
    Condition("new_violations", "GT", "0"),
    Condition("bugs", "GT", "0"),
    Condition("vulnerabilities", "GT", "0"),
)


def judge(conditions: Sequence[Condition], values: Mapping[str, Decimal]) -> dict[str, Any]:
    """The `projectStatus` of an analysis; a measure that is not there cannot fail, and NONE means no gate at all."""
    views = [_view(condition, values.get(condition.metric)) for condition in conditions]
    failed = any(view["status"] == "ERROR" for view in views)
    status = ("ERROR" if failed else "OK") if conditions else "NONE"
    return {"status": status, "conditions": views, "ignoredConditions": False, "caycStatus": "non-compliant"}


def _view(condition: Condition, actual: Decimal | None) -> dict[str, str]:
    view = {
        "status": "ERROR" if actual is not None and condition.fails(actual) else "OK",
        "metricKey": condition.metric,
        "comparator": condition.comparator,
        "errorThreshold": condition.threshold,
    }
    # SonarQube writes every number as a text, and leaves out what was not measured.
    return view if actual is None else view | {"actualValue": str(actual)}


def forced_error() -> dict[str, Any]:
    """A gate that fails whatever was measured, with a condition that says why."""
    return judge([Condition("new_violations", "GT", "0")], {"new_violations": Decimal(1)})

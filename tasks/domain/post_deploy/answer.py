"""Reads what Prometheus answers to an instant query.

Its form: https://prometheus.io/docs/prometheus/latest/querying/api/#instant-queries
"""

from typing import Any

from tasks.domain.errors import ConfigurationError
from tasks.domain.post_deploy.metric import Look, Series

_LONGEST = 300
# A query without an aggregation may answer thousands of series; so many say enough.
_MOST_SERIES = 1000


def read_answer(body: Any) -> Look:
    """The values of a successful answer; raises ConfigurationError where it holds no plain numbers."""
    data = body.get("data") if isinstance(body, dict) else None
    if not isinstance(data, dict) or "result" not in data:
        raise ConfigurationError("the answer is not Prometheus's; give the server's own address in the block's url")
    warnings = tuple(_line(str(warning)) for warning in body.get("warnings") or ())
    match data.get("resultType"):
        case "scalar":
            return Look((Series("", float(data["result"][1])),), warnings)
        case "vector":
            return Look(tuple(_series(each) for each in data["result"][:_MOST_SERIES]), warnings)
    raise ConfigurationError(
        f"the query answers a {data.get('resultType')}, not numbers of this moment; write an instant query, "
        "such as sum(rate(...[5m]))"
    )


def read_error(body: Any, status: int) -> str:
    """What Prometheus says against a query, in a line."""
    said = body.get("error") if isinstance(body, dict) else None
    return _line(str(said)) if said else f"status {status}"


def _series(each: Any) -> Series:
    if "value" not in each:
        raise ConfigurationError(
            "the query answers a histogram, not a number; use histogram_quantile() or another function over it"
        )
    labels = ", ".join(f"{key}={value}" for key, value in sorted(each.get("metric", {}).items()) if key != "__name__")
    return Series(_line(labels), float(each["value"][1]))


def _line(text: str) -> str:
    return " ".join(text.split())[:_LONGEST]

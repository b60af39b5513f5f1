"""Durations as Go writes them: 5s, 3m, 1h30m; a bare number is seconds."""

import re

_UNITS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400}
_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)")
_WHOLE = re.compile(r"(?:\d+(?:\.\d+)?(?:ms|s|m|h|d))+")


def seconds_of(text: str | int) -> float:
    """The duration in seconds; raises ValueError where it is none."""
    if str(text).isdigit():
        return float(text)
    if not _WHOLE.fullmatch(str(text)):
        raise ValueError(f"{text!r} is not a duration; write it as 30s, 5m or 1h30m")
    return sum(float(number) * _UNITS[unit] for number, unit in _PART.findall(str(text)))

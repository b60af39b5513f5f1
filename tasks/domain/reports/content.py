"""A report's bytes as checked XML, JSON or text; what is empty, cut off, too large or of another kind is refused."""

from collections.abc import Iterator
from functools import cache
from typing import Any, TypeVar, cast
from xml.etree.ElementTree import Element, ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring
from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from tasks.domain.errors import InvalidReport

MAX_BYTES = 25 * 1024 * 1024
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"

Shape = TypeVar("Shape")


class Part(BaseModel):
    """A part of a JSON report: only what is declared is read, and so nothing else is ever kept."""

    model_config = ConfigDict(frozen=True, extra="ignore")


def read_json(report: bytes, expected: str, shape: type[Shape], *, kind: str) -> Shape:
    """The report in this shape; `expected` is the file's path and `kind` the format's name, for messages.

    Raises InvalidReport.
    """
    try:
        read: Shape = _adapter(cast("Any", shape)).validate_json(
            checked(report, expected).removeprefix(_BYTE_ORDER_MARK)
        )
    except ValidationError as problem:
        raise InvalidReport(f"{expected} {_complaint(problem)}; write it anew as {kind}") from None
    return read


def read_xml(report: bytes, expected: str, *, kind: str, roots: tuple[str, ...]) -> Element:
    """The root of the report, which must be one of `roots`; raises InvalidReport."""
    try:
        root: Element = fromstring(checked(report, expected))
    except ParseError as problem:
        raise InvalidReport(f"{expected} is not a complete {kind} report ({problem}); write it anew") from problem
    except (DefusedXmlException, ValueError, LookupError) as problem:
        # ValueError and LookupError: an encoding that the parser does not know.
        raise InvalidReport(f"{expected} uses XML entities or an unknown encoding; write plain {kind}") from problem
    if name_of(root) not in roots:
        raise InvalidReport(
            f"{expected} starts with <{name_of(root)[:40]}>, expected <{roots[0]}>; write a {kind} report"
        )
    return root


def read_text(report: bytes, expected: str) -> str:
    """The report as text; raises InvalidReport."""
    return checked(report, expected).removeprefix(_BYTE_ORDER_MARK).decode("utf-8", errors="replace")


def checked(report: bytes, expected: str) -> bytes:
    """The same bytes; raises InvalidReport where there are none or too many."""
    if not report.strip():
        raise InvalidReport(f"{expected} is empty; the command did not finish its report")
    if len(report) > MAX_BYTES:
        raise InvalidReport(f"{expected} is larger than {MAX_BYTES // 1024 // 1024} MB; split the report")
    return report


def name_of(element: Element) -> str:
    """The element's name without its namespace."""
    return str(element.tag).rpartition("}")[2]


def named(root: Element, name: str) -> Iterator[Element]:
    """Every element of that name below the root, in any namespace."""
    return (element for element in root.iter() if name_of(element) == name)


@cache
def _adapter(shape: Any) -> TypeAdapter[Any]:
    return TypeAdapter(shape)


def _complaint(problem: ValidationError) -> str:
    # Never the value itself: a report of secrets holds some.
    error = problem.errors(include_url=False, include_input=False, include_context=False)[0]
    if error["type"] == "json_invalid":
        return f"is not complete JSON ({error['msg'].removeprefix('Invalid JSON: ')})"
    place = ".".join(str(step) for step in error["loc"]) or "the whole"
    return f"is not in its format ({place}: {error['msg'].lower()})"

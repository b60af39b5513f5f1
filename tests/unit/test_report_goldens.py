"""What real tools wrote is read in full, and nothing that happens to a report on its way makes it a better one."""

import codecs
import json
import re
from pathlib import Path
from typing import Any

import pytest
from botocore.loaders import Loader
from botocore.model import ListShape, MapShape, ServiceModel, Shape, StructureShape
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from tasks.domain.errors import InvalidReport
from tasks.domain.gates.measure import Coverage, TestCount, coverage_of
from tasks.domain.reports.reading import Parsed, read_report

REPORTS = Path(__file__).parent.parent / "data" / "reports"
ROOTS = ("/checkout", "acme.example/shop")

# Each finding by severity, kind, place and rule.
FOUND = {
    "bandit.sarif": [
        "low secret shop/settings.py:2 B105",
        "low code shop/store.py:3 B404",
        "low secret shop/store.py:5 B105",
        "high code shop/store.py:9 B602",
    ],
    "checkov.sarif": ["high code Dockerfile:1 CKV_DOCKER_7", "high code Dockerfile:1 CKV_DOCKER_3"],
    "checkstyle.sarif": [
        "high code java/src/main/java/com/acme/shop/Prices.java:1 javadoc.packageInfo",
        "high code java/src/main/java/com/acme/shop/Prices.java:5 hide.utility.class",
        "high code java/src/main/java/com/acme/shop/Prices.java:6 javadoc.missing",
        "high code java/src/main/java/com/acme/shop/Prices.java:8 javadoc.missing",
        "high code java/src/main/java/com/acme/shop/Prices.java:8 final.parameter",
        "high code java/src/main/java/com/acme/shop/Prices.java:8 final.parameter",
        "high code java/src/main/java/com/acme/shop/Prices.java:13 javadoc.missing",
        "high code java/src/main/java/com/acme/shop/Prices.java:13 final.parameter",
    ],
    "eslint.sarif": [
        "high code web/src/prices list.js:2 eqeqeq",
        "medium code web/src/prices list.js:3 no-unused-vars",
        "medium code web/src/prices list.js:3 no-eval",
    ],
    "gitleaks.sarif": [
        "high secret shop/settings.py:2 github-pat",
        "high secret shop/settings.py:1 aws-access-token",
    ],
    "hadolint.json": [
        "medium code Dockerfile:1 DL3007",
        "medium code Dockerfile:2 DL3014",
        "medium code Dockerfile:2 DL3008",
        "low code Dockerfile:2 DL3015",
        "low code Dockerfile:2 DL3009",
        "high code Dockerfile:3 DL3020",
        "medium code Dockerfile:4 DL3003",
        "medium code Dockerfile:4 DL4006",
    ],
    "pmd.sarif": ["medium code java/src/main/java/com/acme/shop/Prices.java:16 EmptyCatchBlock"],
    "ruff.sarif": [
        "high code shop/settings.py:1 D100",
        "high code shop/settings.py:2 S105",
        "high code shop/store.py:5 S105",
        "high code shop/store.py:9 S602",
        "high code shop/store.py:10 S602",
        "high code shop/store.py:10 S607",
    ],
    "semgrep.sarif": ["high code shop/store.py:9 rules.shell-is-true"],
    "staticcheck.sarif": ["medium code prices/prices.go:7 SA4000", "medium code prices/prices.go:13 U1000"],
    "spotbugs.sarif": ["medium code com/acme/shop/Prices.java:10 ES_COMPARING_PARAMETER_STRING_WITH_EQ"],
}
FOUND["hadolint.sarif"] = FOUND["hadolint.json"]
ISTANBUL = {2: 2, 3: 0, 5: 2, 7: 1}
MEASURED: dict[str, TestCount | Coverage] = {
    "surefire.xml": TestCount(passed=1, skipped=1),
    "surefire-rerun.xml": TestCount(
        passed=2,
        failed=1,
        errors=1,
        skipped=1,
        flaky=1,
        failures=(
            "com.acme.shop.PricesTest.breaks: no &#7; bell",
            "com.acme.shop.PricesTest.isNamed(String)[1]: expected: <b & c> but was: <<a>>",
        ),
    ),
    "gradle-junit.xml": TestCount(passed=1, skipped=1),
    "node-junit.xml": TestCount(
        passed=2,
        failed=1,
        skipped=1,
        failures=("test.are never negative: Expected values to be strictly equal:-1 !== 1",),
    ),
    "mocha-junit.xml": TestCount(
        passed=1, failed=1, failures=("are never negative.prices below nothing are never negative: -1 == 1",)
    ),
    "vitest-junit.xml": TestCount(
        passed=2,
        failed=2,
        skipped=1,
        failures=(
            (
                "src/broken.test.mjs: Cannot find module './nothing.mjs' imported from "
                "/checkout/vitest/src/broken.test.mjs"
            ),
            "src/prices.test.mjs.prices > are never negative: expected -1 to be 1 // Object.is equality",
        ),
    ),
    "gradle-jacoco.xml": coverage_of({("**/com/acme/shop/Prices.java", line): line != 12 for line in (11, 12, 14)}),
    "istanbul-cobertura.xml": coverage_of({("jest/prices.js", line): hits for line, hits in ISTANBUL.items()}),
    "istanbul-lcov.info": coverage_of({("prices.js", line): hits for line, hits in ISTANBUL.items()}),
}


def format_of(file: str) -> str:
    name, _, ending = file.rpartition(".")
    if ending == "sarif":
        return "sarif"
    known = {"ecr": "ecr", "npm": "npm-audit", "pip": "pip-audit", "coverage": "coverage-py", "lcov": "lcov"}
    last = name.rpartition("-")[2]
    if last in {"junit", "cobertura", "jacoco", "lcov"}:
        return last
    return known.get(name.partition("-")[0], "junit" if name.startswith("surefire") else name)


def read(file: str, report: bytes | None = None) -> Parsed:
    whole = (REPORTS / file).read_bytes() if report is None else report
    return read_report(format_of(file), whole, f"out/{file}", roots=ROOTS)


def read_or_refuse(file: str, report: bytes) -> Parsed | None:
    """What the report says, None where it is refused, which has to name the file; every other error is an accident."""
    try:
        return read(file, report)
    except InvalidReport as refusal:
        if not str(refusal).startswith(f"out/{file}"):
            raise
        return None


# What no tool could do its work for has no findings that a cut could make fewer.
REFUSED = {
    "bandit-unparsed.sarif",
    "eslint-unparsed.sarif",
    "staticcheck-uncompiled.sarif",
    "npm-audit-without-answer.json",
}
GOLDENS = sorted({path.name for path in REPORTS.iterdir()} - {"README.md", *REFUSED})
JSON_GOLDENS = [file for file in GOLDENS if file.endswith((".json", ".sarif")) and format_of(file) != "go-test"]


@pytest.mark.parametrize("file", FOUND)
def test_what_a_tool_found_is_read_from_its_own_report(file: str) -> None:
    found = read(file)
    assert isinstance(found, tuple)
    assert [f"{one.severity} {one.kind} {one.place} {one.rule}" for one in found] == FOUND[file]


@pytest.mark.parametrize("file", MEASURED)
def test_what_a_tool_measured_is_read_from_its_own_report(file: str) -> None:
    assert read(file) == MEASURED[file]


def test_a_suite_that_jest_could_not_read_counts_as_an_error() -> None:
    tests = read("jest-junit.xml")
    assert isinstance(tests, TestCount)
    assert (tests.passed, tests.errors, tests.skipped) == (2, 1, 1)
    assert (
        tests.failures[0] == "prices are never <negative>: Error: expect(received).toBe(expected) // Object.is equality"
    )


@pytest.mark.parametrize(
    ("file", "why"),
    [
        (
            "eslint-unparsed.sarif",
            "ESLint did not finish: Parsing error: Unexpected token ( in broken.js; run it again",
        ),
        (
            "bandit-unparsed.sarif",
            "Bandit did not finish: syntax error while parsing AST from file in bad.py; run it again",
        ),
        (
            "staticcheck-uncompiled.sarif",
            (
                'Staticcheck did not finish: # acme.example/shop/prices prices/b.go:2:23: cannot use "a" (untyped '
                "string constant) as int value in return statement; run it again"
            ),
        ),
    ],
)
def test_code_that_a_tool_could_not_look_at_is_named(file: str, why: str) -> None:
    """bandit calls itself successful all the same, and staticcheck calls it a finding of a warning's level."""
    with pytest.raises(InvalidReport) as refusal:
        read(file)
    assert str(refusal.value) == f"out/{file}: {why}"


def test_semgrep_s_word_for_no_fingerprint_is_none() -> None:
    """Else all results of a rule would be one, and a new one in their file would not be new."""
    assert b'"matchBasedId/v1":"requires login"' in (REPORTS / "semgrep.sarif").read_bytes()
    assert [one.identity for one in read("semgrep.sarif")] == [""]  # type: ignore[union-attr]


def test_every_golden_names_the_tool_that_wrote_it() -> None:
    table = (REPORTS / "README.md").read_text()
    assert {file for file in (*GOLDENS, *REFUSED) if not re.search(rf"(?<![\w-]){re.escape(file)}", table)} == set()


def is_part_of(part: Parsed, whole: Parsed) -> bool:
    """Whether a report says nothing that another does not say too."""
    if isinstance(part, Coverage) and isinstance(whole, Coverage):
        lines = {file.file: file for file in whole.files}
        return all(
            file.covered <= lines[file.file].covered
            and file.missed <= lines[file.file].missed | lines[file.file].covered
            for file in part.files
        )
    if isinstance(part, TestCount) and isinstance(whole, TestCount):
        return part.passed <= whole.passed and part.skipped <= whole.skipped
    return isinstance(part, tuple) and isinstance(whole, tuple) and set(part) <= set(whole)


@pytest.mark.parametrize("file", GOLDENS)
@hypothesis_settings(max_examples=25, deadline=None)
@given(share=st.floats(0, 0.999))
def test_a_report_cut_anywhere_is_refused_or_says_less(file: str, share: float) -> None:
    """Of the formats of lines, one that ends between two of them looks whole; every other is refused."""
    whole = (REPORTS / file).read_bytes().rstrip()
    part = read_or_refuse(file, whole[: int(len(whole) * share)])
    if part is not None:
        assert format_of(file) in {"lcov", "go-cover", "go-test"}
        assert is_part_of(part, read(file))


HOSTILE: list[Any] = [
    *(None, True, -1, 10**30, 10**400, 1e308, float("nan"), float("inf"), "", "\0", "٣", "x" * 70_000, [], {}, [[]]),
    *("../../x", "file://[x", "http://[x", "%zz", "{0}{1}", "\ud800", "\n", "CVE-0", "a:b:c"),
]


def places(value: Any, *above: str | int) -> list[tuple[str | int, ...]]:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [above, *(place for key, each in inner for place in places(each, *above, key))]


def replaced(value: Any, place: tuple[str | int, ...], other: Any) -> Any:
    if not place:
        return other
    changed = value.copy()
    changed[place[0]] = replaced(value[place[0]], place[1:], other)
    return changed


@pytest.mark.parametrize("file", JSON_GOLDENS)
@given(data=st.data())
@hypothesis_settings(max_examples=40, deadline=None)
def test_a_value_that_no_tool_writes_is_refused_or_read_and_never_an_accident(file: str, data: st.DataObject) -> None:
    report = json.loads((REPORTS / file).read_bytes())
    place = data.draw(st.sampled_from(places(report)))
    hostile = json.dumps(replaced(report, place, data.draw(st.sampled_from(HOSTILE))))
    assert isinstance(read_or_refuse(file, hostile.encode()), tuple | Coverage | None)


@pytest.mark.parametrize("file", [file for file in GOLDENS if file not in JSON_GOLDENS])
@given(data=st.data())
@hypothesis_settings(max_examples=40, deadline=None)
def test_a_number_that_is_none_is_refused_or_read_and_never_an_accident(file: str, data: st.DataObject) -> None:
    text = (REPORTS / file).read_text()
    number = data.draw(st.sampled_from(list(re.finditer(r"\d+", text))))
    other = data.draw(st.sampled_from(["", "-1", "NaN", "1e5", "٣", "9" * 5000, "9" * 400, "\0", "&#0;", "x"]))
    hostile = text[: number.start()] + other + text[number.end() :]
    assert isinstance(read_or_refuse(file, hostile.encode()), TestCount | Coverage | None)


@pytest.mark.parametrize("file", GOLDENS)
@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-be", "utf-32"])
def test_a_report_in_another_encoding_says_the_same_or_is_refused(file: str, encoding: str) -> None:
    said = read_or_refuse(file, (REPORTS / file).read_text().encode(encoding))
    assert said is None or said == read(file)


@pytest.mark.parametrize("file", GOLDENS)
def test_a_byte_order_mark_changes_nothing(file: str) -> None:
    assert read(file, codecs.BOM_UTF8 + (REPORTS / file).read_bytes()) == read(file)


@pytest.mark.parametrize("file", [file for file in GOLDENS if file.endswith(".xml")])
def test_xml_that_grows_is_refused_wherever_it_stands(file: str) -> None:
    head, _, rest = (REPORTS / file).read_bytes().partition(b"?>")
    body = re.sub(rb"<!DOCTYPE[^>]*>", b"", rest)
    entities = b"".join(b"<!ENTITY a%d '&a%d;&a%d;'>" % (n, n - 1, n - 1) for n in range(1, 40))
    bomb = head + b"?><!DOCTYPE x [<!ENTITY a0 'ha'>" + entities + b"]>" + body
    with pytest.raises(InvalidReport, match="uses XML entities"):
        read(file, bomb)


def test_a_result_that_fills_memory_with_its_arguments_is_shown_in_part() -> None:
    message = {"text": "{0}" * 100_000, "arguments": ["{0}" * 100_000]}
    run = {"tool": {"driver": {"name": "Scanner"}}, "results": [{"message": message}]}
    [found] = read("x.sarif", json.dumps({"version": "2.1.0", "runs": [run]}).encode())  # type: ignore[misc]
    assert len(found.message) == 300


def test_a_profile_of_go_with_more_lines_than_there_can_be_is_refused() -> None:
    report = b"mode: set\na.go:1.1,3000000.1 0 1\na.go:1.1,5000001.1 1 1\n"
    with pytest.raises(InvalidReport, match=r"^out/go-cover\.out:3: its blocks have more than 5000000 lines"):
        read("go-cover.out", report)


def unlike(value: Any, shape: Shape, place: str = "") -> list[str]:
    """Where a value is not of the shape that botocore's model of the service has."""
    if isinstance(shape, StructureShape):
        return [
            fault
            for key, each in value.items()
            for fault in (
                unlike(each, shape.members[key], f"{place}.{key}") if key in shape.members else [f"{place}.{key}"]
            )
        ]
    if isinstance(shape, ListShape):
        return [fault for each in value for fault in unlike(each, shape.member, f"{place}[]")]
    if isinstance(shape, MapShape):
        return [fault for key, each in value.items() for fault in unlike(each, shape.value, f"{place}.{key}")]
    kinds = {"string": str, "integer": int, "double": float, "timestamp": str}
    is_known = value in (getattr(shape, "enum", None) or [value])
    return [] if isinstance(value, kinds[shape.type_name]) and is_known else [place]


@pytest.mark.parametrize("file", ["ecr-basic.json", "ecr-enhanced.json"])
def test_ecr_s_answers_by_hand_are_of_the_service_s_shape(file: str) -> None:
    model = ServiceModel(Loader().load_service_model("ecr", "service-2"))
    shape = model.operation_model("DescribeImageScanFindings").output_shape
    assert unlike(json.loads((REPORTS / file).read_bytes()), shape) == []

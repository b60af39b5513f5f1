"""An image that runs as root or stands on a base that can change under it is a finding, before it is built."""

import pytest

from tasks.domain.dockerfile import base_image, dockerfile_findings, read_stages
from tasks.domain.gates.finding import Severity

PINNED = f"docker.io/library/python:3.12@sha256:{'a' * 64}"


def rules(text: str, target: str | None = None, **arguments: str) -> list[tuple[str, int]]:
    return [(f.rule, f.line) for f in dockerfile_findings(text, arguments, file="Dockerfile", target=target)]


ROOT, LOOSE = "image-runs-as-root", "base-image-not-pinned"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"FROM {PINNED}\nUSER 1000\n", []),
        (f"FROM {PINNED}\nUSER app:app\n", []),
        (f"FROM {PINNED}\n", [(ROOT, 1)]),
        (f"FROM {PINNED}\nUSER 1000\nUSER root\n", [(ROOT, 3)]),
        (f"FROM {PINNED}\nUSER 0:0\n", [(ROOT, 2)]),
        (f"from {PINNED}\nuser \\\n  # why\n  1000\n", []),
        ("FROM python:3.12\nUSER 1000\n", [(LOOSE, 1)]),
        ("FROM scratch\nUSER 1000\n", []),
        ("FROM scratch\n", [(ROOT, 1)]),
        (f"FROM {PINNED}\nARG ID=1000\nUSER $ID\n", []),
        (f"FROM {PINNED}\nARG ID=0\nUSER ${{ID}}\n", [(ROOT, 3)]),
        (f"FROM {PINNED}\nUSER $UNKNOWN\n", [(ROOT, 2)]),
        (f"FROM {PINNED} AS built\nUSER 1000\nFROM built\n", []),
        (f"FROM {PINNED} AS built\nUSER 1000\nFROM {PINNED}\nCOPY --from=built / /\n", [(ROOT, 3)]),
        (f"FROM {PINNED}\nRUN <<EOF\nFROM python\nUSER root\nEOF\nUSER 1000\n", []),
        (f"FROM --platform=linux/amd64 {PINNED}\nUSER 1000\n", []),
        ("", []),
    ],
)
def test_root_and_a_loose_base_are_findings(text: str, expected: list[tuple[str, int]]) -> None:
    assert rules(text) == expected


def test_build_arguments_are_filled_in() -> None:
    text = "ARG BASE=python:3.12\nARG TAG\nFROM ${BASE}\nUSER 1000\n"
    assert rules(text) == [(LOOSE, 3)]
    assert rules(text, BASE=PINNED) == []
    assert rules("FROM ${BASE:-python:3}\nUSER 1\n") == [(LOOSE, 1)]


def test_only_the_stage_that_becomes_the_image_needs_a_user() -> None:
    text = f"FROM {PINNED} AS tests\nFROM {PINNED} AS app\nUSER 1000\n"
    assert rules(text) == []
    assert rules(text, target="tests") == [(ROOT, 1)]


def test_a_finding_says_where_and_what_to_do() -> None:
    (finding,) = dockerfile_findings("FROM python\nUSER 1\n", {}, file="deploy/Dockerfile")
    assert (finding.place, finding.severity) == ("deploy/Dockerfile:1", Severity.MEDIUM)
    assert "name it with its digest" in finding.message


def test_the_base_is_that_of_the_stage_that_the_image_comes_from() -> None:
    stages = read_stages(f"FROM {PINNED} AS a\nFROM a AS b\nFROM scratch AS c\nFROM b\n", {})
    base = base_image(stages, None)
    assert base is not None
    assert base.base == PINNED
    assert base.image is not None
    assert base.image.digest == f"sha256:{'a' * 64}"
    assert base_image(stages, "c") is None
    assert base_image(stages, "a") == stages[0]
    assert base_image(read_stages("", {}), None) is None

"""Enrolling approvers in a terminal, and what is said where nothing waits for an answer."""

import re
import sys
from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

import pyotp
import pytest

from deployments.command_line import main
from tasks.approval.people import find_approver

Tidegate = Callable[..., tuple[int, str, str]]


@pytest.fixture
def tidegate(prefect_server: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Tidegate:
    """Run one command in this process; gives exit code, output and error output."""
    monkeypatch.chdir(Path(__file__).parents[2])

    def running(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["tidegate", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        printed = capsys.readouterr()
        return int(ended.value.code or 0), printed.out, printed.err

    return running


def test_an_approver_is_enrolled_listed_and_removed(tidegate: Tidegate) -> None:
    code, shown, _ = tidegate("approver", "add", "Zoë Zimmer", "--github=zoe-z", "--email=zoe@example.org")
    assert code == 0
    address = pyotp.parse_uri(re.search(r"otpauth://\S+", shown)[0])
    assert (address.issuer, address.name) == ("Tidegate", "Zoë Zimmer")
    assert address.secret == find_approver.fn("ZOE-Z").secret.get_secret_value()
    # A QR code of half blocks.
    assert shown.count("\u2580") > 100

    code, listed, _ = tidegate("approver", "list")
    assert (code, listed.split()[-4:]) == (0, ["Zoë", "Zimmer", "zoe-z", "zoe@example.org"])
    assert address.secret not in listed

    assert tidegate("approver", "remove", "zoë zimmer")[:2] == (0, "Zoë Zimmer is not enrolled any more.\n")
    assert find_approver.fn("Zoë Zimmer") is None


@pytest.mark.parametrize("arguments", [("yan",), ("Other", "--github=YAN"), ("yan@x.org",)], ids=str)
def test_nobody_is_enrolled_under_another_ones_name(tidegate: Tidegate, arguments: tuple[str, ...]) -> None:
    if find_approver.fn("Yan") is None:
        tidegate("approver", "add", "Yan", "--email=yan@x.org")
    code, _, said = tidegate("approver", "add", *arguments)
    assert (code, "is enrolled as Yan; remove that first" in said) == (2, True)


@pytest.mark.parametrize("name", ["Ada (GitHub)", "a, b", "acme/release", "  ", "x" * 101])
def test_a_name_that_would_say_more_than_a_name_is_refused(tidegate: Tidegate, name: str) -> None:
    code, _, said = tidegate("approver", "add", name)
    assert (code, "is not a name" in said) == (2, True)


def test_removing_nobody_says_who_there_is(tidegate: Tidegate) -> None:
    code, _, said = tidegate("approver", "remove", "Nobody")
    assert (code, "nobody is enrolled as Nobody; enrolled: " in said) == (2, True)


def test_where_nothing_waits_nothing_is_answered(tidegate: Tidegate) -> None:
    refusal = "no promotion of shop-api to staging waits for an approval"
    code, _, said = tidegate("approve", "shop-api", "staging", "--yes")
    assert (code, refusal in said) == (1, True)
    unknown = str(uuid4())
    code, _, said = tidegate("reject", f"http://prefect/runs/flow-run/{unknown}", "--yes")
    assert (code, f"there is no run {unknown}" in said) == (2, True)
    code, _, said = tidegate("approve", "shop-api")
    assert (code, "'shop-api' is not a run" in said) == (2, True)

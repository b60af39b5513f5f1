"""The stop switch, as commit messages."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.domain.errors import ConfigurationError
from tasks.domain.promotion.history import parse_changes
from tasks.domain.promotion.switch import Switch, find_switches, switch_message

WHEN = datetime(2026, 5, 9, 12, 30, tzinfo=UTC)
STOP = Switch("production", is_stopped=True, by="ada", reason="payments fail", revision="1" * 40, when=WHEN)


def test_a_stop_is_a_sentence_and_trailers() -> None:
    assert switch_message(STOP) == (
        "Stop the promotions to production\n\nTidegate-Environment: production\nTidegate-Promotions: stopped\n"
        "Tidegate-By: ada\nTidegate-Reason: payments fail\n"
    )
    assert STOP.why == (
        "promotions to production are stopped since 2026-05-09 12:30 UTC by ada: payments fail; "
        "`tidegate go production` lets them go again"
    )


@given(st.booleans(), st.text(min_size=1), st.text(min_size=1))
def test_what_is_written_is_read_back_and_no_text_turns_it(is_stopped: bool, by: str, reason: str) -> None:
    if not reason.strip():
        return
    message = switch_message(Switch("production", is_stopped, by, reason))
    (found,) = find_switches([(message, "1" * 40, WHEN)], "production")
    assert (found.environment, found.is_stopped, found.when) == ("production", is_stopped, WHEN)
    assert parse_changes(message, "1" * 40, WHEN) == ()


def test_other_environments_and_other_commits_are_none_of_it() -> None:
    elsewhere = switch_message(Switch("staging", True, "ada", "payments fail"))
    told = "Explain Tidegate-Promotions: stopped\n\nTidegate-Environment: production\n"
    assert find_switches([(elsewhere, "1" * 40, WHEN), (told, "2" * 40, WHEN)], "production") == ()


def test_a_switch_is_not_turned_without_a_reason() -> None:
    with pytest.raises(ConfigurationError, match="the reason is empty"):
        Switch("production", True, "ada", "  ")

"""Pages that people read, with text in them that others wrote."""

from dataclasses import replace
from datetime import date

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from tasks.domain.candidate import Proven, ReleaseCandidate
from tasks.domain.errors import ConfigurationError
from tasks.domain.gates.finding import Finding, Severity
from tasks.domain.gates.gate import GateResult
from tasks.domain.gates.waiver import Waiver, WaiverUse
from tasks.domain.image import ImageReference
from tasks.domain.message import candidate_page, cell, gate_lines, gates_page, plain, promotion_page
from tasks.domain.promotion.change_set import Position
from tasks.domain.promotion.decision import Rival
from tasks.domain.verdict import failed, passed

DIGEST = "sha256:" + "ab" * 32
HOSTILE = "<img src=x onerror=alert(1)> [approve](http://evil.example) | **done** `x` ![x](y)\n# Title"
CANDIDATE = ReleaseCandidate(
    "shop-api",
    "c" * 40,
    ImageReference("registry.example/shop-api", "c" * 40, DIGEST),
    author=HOSTILE,
    subject=HOSTILE,
    gates=(GateResult("lint", passed("clean")), GateResult("unit-tests", failed(HOSTILE))),
)
MARKDOWN = MarkdownIt("commonmark").enable(["table", "strikethrough"])


def drawn(markdown: str) -> list[tuple[str, str]]:
    """What a renderer makes of the only line of a list: each piece with its text."""
    tokens = MARKDOWN.parse(f"- it: {markdown}")
    assert [token.type for token in tokens if token.nesting >= 0] == [
        "bullet_list_open",
        "list_item_open",
        "paragraph_open",
        "inline",
    ]
    children = next(token.children for token in tokens if token.type == "inline")
    return [(child.type, child.content) for child in children or []]


@given(st.text(st.characters(exclude_categories=["Cc", "Cs"])))
@example(HOSTILE)
@example("a_b_ *c* ~~d~~ \\* &amp; &#42; <b> <!-- | # ` ``")
def test_outside_text_is_shown_as_it_is_and_draws_nothing(text: str) -> None:
    pieces = drawn(plain(text.replace("://", ""), 10_000))
    assert {kind for kind, _ in pieces} <= {"text"}
    assert "".join(content for _, content in pieces) == f"it: {' '.join(text.replace('://', '').split())}".rstrip()


@given(st.text("ahtps:/._*~`[]()<>!\\| \n"))
@example("http://evil.example/a_b?x=1) [y](http://z)")
def test_an_address_in_outside_text_draws_nothing_either(text: str) -> None:
    pieces = drawn(plain(f"http://a.example/{text} https://b.example/_{text}", 10_000))
    assert {kind for kind, _ in pieces} <= {"text"}


def test_an_address_stays_one_that_can_be_followed() -> None:
    assert plain("see http://sonar.example/dashboard?id=shop_api&x=1") == (
        "see http://sonar.example/dashboard?id=shop_api&x=1"
    )


def test_long_text_is_cut_and_says_so() -> None:
    assert plain("a " * 50, 10) == "a a a a a…"


@pytest.mark.parametrize("text", ["[a](http://evil.example)", "![a](b)", "<img src=x>", "</td><b>", "[a][b]", "<!--"])
def test_a_table_draws_no_link_image_or_html(text: str) -> None:
    """As far as Markdown goes, which the older UI makes of it; the newer one shows it as it is."""
    assert {child for child, _ in drawn(cell(text))} == {"text"}


def test_a_value_in_a_table_is_one_line() -> None:
    assert cell("first\nsecond\r\n third") == "first second third"


def test_the_page_of_the_gates_has_each_ones_reason_and_where_its_findings_are() -> None:
    findings = tuple(Finding("ruff", "F401", Severity.HIGH, f"unused {n}", "shop.py", n) for n in range(1, 53))
    gates = [GateResult("lint", passed("clean")), GateResult("findings", failed("52 new findings"), findings)]
    lines = gates_page("shop-api ccccccc", failed("1 of 2 gates failed: findings."), gates).splitlines()
    assert lines[:5] == ["## shop-api ccccccc", "", "**1 of 2 gates failed: findings.**", "", "- ✓ **lint:** clean"]
    assert lines[5:9] == ["- ✗ **findings:** 52 new findings", "", "### findings", ""]
    assert lines[9] == "- **high** F401 at shop.py:1: unused 1"
    assert (len(lines), lines[-1]) == (60, "- and 2 more")


def test_a_hostile_commit_cannot_draw_on_the_pages() -> None:
    """Links, headings and bold are those that are there without it; HTML and images are nowhere."""
    candidate = candidate_page(CANDIDATE, "https://s.example", "https://r.example")
    promotion = promotion_page(CANDIDATE, "production", HOSTILE, {}, [HOSTILE])
    assert links_and_marks(candidate) == (["https://s.example", "https://r.example"], {"h2", "h3", "strong", "a"})
    assert links_and_marks(promotion) == ([], {"h2", "h3", "strong"})
    finding = Finding(HOSTILE, HOSTILE, Severity.HIGH, HOSTILE, HOSTILE, 1)
    gates = gates_page("shop-api", failed(HOSTILE), [GateResult("scan", failed(HOSTILE), (finding,))])
    assert links_and_marks(gates) == ([], {"h2", "h3", "strong"})


def links_and_marks(page: str) -> tuple[list[str], set[str]]:
    tokens = [child for token in MARKDOWN.parse(page) for child in (token, *(token.children or []))]
    assert not [token for token in tokens if token.type.startswith(("html", "image"))]
    marks = {token.tag for token in tokens if token.nesting == 1} - {"ul", "li", "p"}
    return [str(token.attrs["href"]) for token in tokens if token.type == "link_open"], marks


def test_the_candidates_page_says_what_it_is_and_what_each_gate_said() -> None:
    lines = candidate_page(CANDIDATE, "https://s.example/c", "https://r.example").splitlines()
    assert f"- **Commit:** [{'c' * 40}](https://s.example/c)" in lines
    assert DIGEST in lines
    assert "- ✓ **lint:** clean" in lines
    assert any(line.startswith("- ✗ **unit-tests:** ") for line in lines)


def test_the_promotions_page_says_how_it_ended_and_what_was_seen() -> None:
    page = promotion_page(CANDIDATE, "staging", "staging: runs it", {"Rollout": "confirmed"}, ["Synced", "Healthy"])
    assert page.startswith("## shop-api ccccccc → staging\n\n**staging: runs it**\n\n- **Rollout:** confirmed\n")
    assert page.endswith("### What was seen\n\n- Synced\n- Healthy")


def test_a_digest_stands_in_a_block_of_its_own() -> None:
    """The UI does not break such a word, and within a line it would cover what stands beside the page."""
    for page in (
        candidate_page(CANDIDATE, "https://s.example", "https://r.example"),
        promotion_page(CANDIDATE, "production", "done", {}, []),
    ):
        assert f"\n\n```\n{DIGEST}\n```\n\n" in page
        assert page.count(DIGEST) == 1


@pytest.mark.parametrize(
    ("position", "started_later", "is_newer"),
    [
        (Position.AHEAD, False, True),
        (Position.BEHIND, True, False),
        (Position.IDENTICAL, True, True),
        (Position.IDENTICAL, False, False),
        (Position.DIVERGED, True, True),
        (Position.DIVERGED, False, False),
    ],
)
def test_history_tells_who_is_newer_and_the_start_where_it_cannot(
    position: Position, started_later: bool, is_newer: bool
) -> None:
    assert Rival("shop-api ddddddd", position, started_later=started_later).is_newer is is_newer


def test_a_candidate_without_full_commit_or_digest_cannot_exist() -> None:
    with pytest.raises(ConfigurationError, match="full SHA"):
        ReleaseCandidate("shop-api", "abc1234", CANDIDATE.image)
    with pytest.raises(ConfigurationError, match="no digest"):
        ReleaseCandidate("shop-api", "c" * 40, ImageReference("registry.example/shop-api", "v1"))


def test_the_candidate_page_says_who_signed_it_or_that_nobody_did() -> None:
    assert "- **Signature:** none: the application's configuration names no signing key" in candidate_page(
        CANDIDATE, "https://s.example", "https://r.example"
    )
    signed = replace(CANDIDATE, proof=Proven("0a1b2c3d4e5f", "urn:tidegate:builder", 41))
    lines = candidate_page(signed, "https://s.example", "https://r.example").splitlines()
    assert "- **Signature:** key `0a1b2c3d4e5f`, attached with the gate results" in lines
    assert "- **Provenance:** SLSA v1, built by `urn:tidegate:builder`" in lines
    assert "- **SBOM:** 41 packages, in CycloneDX and SPDX" in lines


def test_a_waiver_is_told_once_in_a_list_of_gates() -> None:
    finding = Finding("ruff", "S104", Severity.MEDIUM, "all addresses", "app.py", 3)
    used = WaiverUse(finding, Waiver(rule="S104", owner="Pat", reason="its own container", expires=date(2031, 5, 17)))
    short = GateResult("findings", passed(f"No finding. 1 finding waived: {used}."), waived=(used,))
    long = GateResult("findings", passed(f"{'Much else. ' * 30}{used}."), waived=(used,))

    assert "".join(gate_lines([short])).count("Pat") == 1
    assert "".join(gate_lines([long])).count("Pat") == 1

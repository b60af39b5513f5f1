"""The pages that people read about a candidate and its promotions, in Markdown.

The question itself is tasks.domain.approval.question.

Text from commits is somebody else's: it goes through `plain` before it stands in Markdown, which the UI renders
together with any HTML in it. Facts are lists, not tables: Prefect's UI does not break lines in tables, but hides their
end.
"""

import re
from collections.abc import Iterable, Mapping

from tasks.domain.candidate import Proven, ReleaseCandidate
from tasks.domain.gates.gate import GateResult
from tasks.domain.verdict import Outcome, Verdict
from tasks.domain.wording import counted

# No emoji: machines without a font for them show empty boxes.
MARKS = {Outcome.PASSED: "✓", Outcome.FAILED: "✗", Outcome.PENDING: "○"}
_SHOWN = 50
_ADDRESS = re.compile(r"(https?://\S+)")
_MARKUP = re.compile(r"([\\`*_\[\]|~])")
# Within an address `_` is markup at the edge of a word only.
_MARKUP_IN_ADDRESS = re.compile(r"""[\\`*\[\]|~<>"()]|(?<![0-9A-Za-z])_|_(?![0-9A-Za-z])""")


def plain(text: str, limit: int = 200) -> str:
    """One line of outside text that Markdown and HTML leave alone; longer text is cut and ends in an ellipsis.

    Web addresses stay addresses, which the UI makes links to just what is shown.
    """
    parts = _ADDRESS.split(_one_line(text, limit))
    return "".join(_encoded(part) if n % 2 else _escaped(part) for n, part in enumerate(parts))


def cell(text: str, limit: int = 200) -> str:
    """One line for a table artifact, which the older UI renders as Markdown and the newer one shows as it is.

    So nothing can be escaped; what would become a link, an image or HTML is taken apart by a blank.
    """
    return re.sub(r"<(?=[A-Za-z/!?])", "< ", _one_line(text, limit).replace("](", "] (").replace("][", "] ["))


def verdict_line(verdict: Verdict, name: str = "") -> str:
    """An item of a list: its mark, what it is about, and the reason."""
    about = f"**{plain(name)}:** " if name else ""
    return f"- {MARKS[verdict.outcome]} {about}{plain(verdict.reason)}"


def gate_lines(gates: Iterable[GateResult]) -> list[str]:
    """The gates as the items of a list, each with the waivers that it used and that its reason does not show."""
    lines = [
        line
        for gate in gates
        for said in (verdict_line(gate.verdict, gate.gate),)
        for line in (said, *(f"  - waived: {plain(str(use))}" for use in gate.waived if plain(str(use)) not in said))
    ]
    return lines or ["- no gate was decided"]


def gates_page(name: str, verdict: Verdict, gates: Iterable[GateResult]) -> str:
    """What the gates said of a commit, and where the findings are that counted; `name` is the candidate's."""
    decided = tuple(gates)
    found = [block for gate in decided if gate.findings for block in (f"### {plain(gate.gate)}", _findings(gate))]
    return _page(f"## {name}", [f"**{plain(verdict.reason, 500)}**"], gate_lines(decided), *found)


def _findings(gate: GateResult) -> list[str]:
    lines = [
        f"- **{finding.severity}** {plain(finding.rule, 100)} at {plain(finding.place)}: {plain(finding.message, 500)}"
        for finding in gate.findings[:_SHOWN]
    ]
    more = len(gate.findings) - len(lines)
    return [*lines, f"- and {more} more"] if more else lines


def candidate_page(candidate: ReleaseCandidate, source_url: str, run_url: str) -> str:
    """The release candidate: what it is, where it comes from and why it may be promoted."""
    facts = {
        "Commit": f"[{candidate.commit}]({source_url})",
        "Change": f"{plain(candidate.subject)} — {plain(candidate.author)}",
        "Image": f"`{candidate.image.repository}`",
        "Tag": f"`{candidate.image.tag}`",
        "Built by": f"[this run]({run_url})",
        **_proof(candidate.proof),
    }
    gates = gate_lines(candidate.gates)
    return _page(f"## {candidate.name}", _fact_lines(facts), _digest(candidate), "### Gates", gates)


def promotion_page(
    candidate: ReleaseCandidate, environment: str, outcome: str, facts: Mapping[str, str], evidence: Iterable[str]
) -> str:
    """How a promotion ended, and what was seen; `facts` are Markdown already."""
    seen = [f"- {plain(line, 500)}" for line in evidence]
    return _page(
        f"## {candidate.name} → {environment}",
        [f"**{plain(outcome, 500)}**"],
        _fact_lines({**facts, "Image": f"`{candidate.image.repository}`"}),
        _digest(candidate),
        "### What was seen",
        seen or ["- nothing was reported"],
    )


def _proof(proof: Proven | None) -> dict[str, str]:
    if proof is None:
        return {"Signature": "none: the application's configuration names no signing key"}
    packages = "none" if proof.packages is None else counted(proof.packages, "package")
    return {
        "Signature": f"key `{proof.key}`, attached with the gate results",
        "Provenance": f"SLSA v1, built by `{plain(proof.builder)}`",
        "SBOM": f"{packages}, in CycloneDX and SPDX" if proof.packages is not None else packages,
    }


def _page(*blocks: str | list[str]) -> str:
    return "\n\n".join(block if isinstance(block, str) else "\n".join(block) for block in blocks)


def _digest(candidate: ReleaseCandidate) -> list[str]:
    # A block is scrolled where it is too wide; a word in a line would cover what stands beside the page.
    return ["```", candidate.digest, "```"]


def _fact_lines(facts: Mapping[str, str]) -> list[str]:
    return [f"- **{name}:** {value}" for name, value in facts.items()]


def _one_line(text: str, limit: int) -> str:
    line = " ".join(text.split())
    return line if len(line) <= limit else line[: limit - 1] + "…"


def _escaped(text: str) -> str:
    # Backslashes, because the older UI shows numeric entities as they are.
    html = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return _MARKUP.sub(r"\\\1", html)


def _encoded(address: str) -> str:
    # A backslash would become part of the address.
    return _MARKUP_IN_ADDRESS.sub(lambda found: f"%{ord(found[0]):02X}", address)

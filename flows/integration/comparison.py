"""What a commit's gates compare it with: the mainline before it, what was found there, and the lines that changed."""

from datetime import UTC, datetime

from flows.integration.earlier import find_earlier
from flows.places.workshop import Workshop
from tasks.domain.commit import Mainline
from tasks.domain.gates.baseline import Baseline, baseline_in
from tasks.domain.gates.engine import GateFacts, is_decided
from tasks.domain.gates.gate import CHANGED_LINES, COVERAGE, GateResult
from tasks.source.baseline import keep_baseline
from tasks.source.checkout import changed_lines


def find_base(workshop: Workshop, mainline: Mainline) -> Baseline | None:
    """What is known of the mainline before the commit."""
    return find_earlier(workshop, mainline.before)


def gather_gate_facts(workshop: Workshop, commit: str, mainline: Mainline, before: Baseline | None) -> GateFacts:
    """What gates are decided on besides the outcomes of checks; `before` is what find_base knows."""
    today = datetime.now(UTC).date()
    where = (workshop.github, workshop.app.repository)
    # A commit of the mainline that has passed already is judged again as it was then.
    itself = find_earlier(workshop, (commit,)) if mainline.holds_it else None
    # Several commits may be pushed to the mainline at once; a pull request is compared with where it branched off.
    passed_before = before.commit if before and mainline.holds_it else None
    compared = passed_before or next(iter(mainline.before), None)
    changed = None
    # Without anything to compare with every line has changed, which only a policy for changed lines is about.
    if is_decided(workshop.app, COVERAGE) and (compared or is_decided(workshop.app, CHANGED_LINES)):
        changed = changed_lines(*where, compared, commit)
    return GateFacts(today, workshop.waivers, itself or before, changed)


def remember(workshop: Workshop, commit: str, gates: tuple[GateResult, ...]) -> None:
    """Keep what counts in a commit of the mainline that passed, for those after it."""
    if known := baseline_in(gates, commit):
        keep_baseline(workshop.github, workshop.app.repository, workshop.application, known)

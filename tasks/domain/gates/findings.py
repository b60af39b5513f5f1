"""The gates of findings: a ratchet and totals for what stands in the code, severity and fixability for the rest."""

from collections import Counter
from collections.abc import Iterable

from tasks.domain.gates.baseline import Baseline
from tasks.domain.gates.finding import Finding, worst_first
from tasks.domain.gates.gate import FINDINGS, VULNERABILITIES, GateResult
from tasks.domain.gates.policy import NEVER, FindingsGate, Totals, VulnerabilitiesGate, severity_of
from tasks.domain.gates.waiver import Sifted
from tasks.domain.verdict import Verdict, failed, passed
from tasks.domain.wording import counted

# In a sentence; the gate's result has all of them.
_SHOWN_WAIVERS = 3


def decide_findings(policy: FindingsGate, sifted: Sifted, baseline: Baseline | None) -> GateResult:
    """No new finding from a severity on, and no more than the totals; without a baseline every finding is new."""
    bad = [one for one in sifted.counting if _is_new(policy, one, baseline)]
    return _result(FINDINGS, _findings_verdict(policy, sifted.counting, bad, baseline), sifted)


def _findings_verdict(
    policy: FindingsGate, counting: tuple[Finding, ...], bad: list[Finding], baseline: Baseline | None
) -> Verdict:
    compared = f"Compared with {baseline.commit[:7]}." if baseline else "No commit before it is known: each is new."
    if bad:
        new = counted(len(bad), "new finding")
        return failed(f"{new} at {policy.fail_on_new} or above; the worst: {worst_first(bad)[0]}. {compared}")
    if too_many := _too_many(policy.at_most, counting, "finding", "findings"):
        return too_many
    if not counting:
        return passed("No finding.")
    all_of = counted(len(counting), "finding")
    if policy.fail_on_new == NEVER:
        return passed(f"{all_of}.")
    return passed(f"{all_of}, none new at {policy.fail_on_new} or above. {compared}")


def _is_new(policy: FindingsGate, one: Finding, baseline: Baseline | None) -> bool:
    least = severity_of(policy.fail_on_new)
    return least is not None and one.severity.reaches(least) and not (baseline and baseline.knows(one))


def decide_vulnerabilities(policy: VulnerabilitiesGate, sifted: Sifted) -> GateResult:
    """None that is too bad, by whether another version fixes it, and no more than the totals."""
    bad = [one for one in sifted.counting if _is_too_bad(policy, one)]
    rule = _rule(policy)
    if bad:
        many = counted(len(bad), "vulnerability is", "vulnerabilities are")
        verdict = failed(f"{many} too bad; the worst: {worst_first(bad)[0]}. Not allowed are {rule}.")
    else:
        all_of = counted(len(sifted.counting), "vulnerability", "vulnerabilities")
        allowed = f"none too bad; not allowed are {rule}" if rule else "however bad"
        good = f"{all_of}, {allowed}." if sifted.counting else "No vulnerability."
        verdict = _too_many(policy.at_most, sifted.counting, "vulnerability", "vulnerabilities") or passed(good)
    return _result(VULNERABILITIES, verdict, sifted)


def _rule(policy: VulnerabilitiesGate) -> str:
    named = (("fixable ones", policy.fail_on_fixable), ("others", policy.fail_on_unfixable))
    return ", ".join(f"{which} at {least} or above" for which, least in named if least != NEVER)


def _is_too_bad(policy: VulnerabilitiesGate, one: Finding) -> bool:
    # Where the tool does not say whether there is a fix, both rules hold.
    thresholds = [
        *([policy.fail_on_fixable] if one.fixable is not False else []),
        *([policy.fail_on_unfixable] if one.fixable is not True else []),
    ]
    return any((least := severity_of(name)) is not None and one.severity.reaches(least) for name in thresholds)


def _too_many(at_most: Totals, findings: Iterable[Finding], one: str, many: str) -> Verdict | None:
    totals = Counter(finding.severity.value for finding in findings)
    for severity, most in at_most.items():
        if totals[severity] > most:
            worst = worst_first(finding for finding in findings if finding.severity.value == severity)[0]
            number = counted(totals[severity], f"{severity} {one}", f"{severity} {many}")
            return failed(f"{number}, but at most {most} may be there; the first: {worst}.")
    return None


def _result(gate: str, verdict: Verdict, sifted: Sifted) -> GateResult:
    shown = "; ".join(str(use) for use in sifted.waived[:_SHOWN_WAIVERS])
    more = f"; and {len(sifted.waived) - _SHOWN_WAIVERS} more" if len(sifted.waived) > _SHOWN_WAIVERS else ""
    waived = f" {counted(len(sifted.waived), 'finding')} waived: {shown}{more}." if shown else ""
    expired = "".join(
        f" {waiver.owner}'s waiver of {waiver.rule} expired on {waiver.expires}, so it counts no more."
        for waiver in dict.fromkeys(use.waiver for use in sifted.expired)
    )
    ending = "".join(
        f" {waiver.owner}'s waiver of {waiver.rule} ends on {waiver.expires}."
        for waiver in dict.fromkeys(use.waiver for use in sifted.ending)
    )
    verdict = Verdict(verdict.outcome, f"{verdict.reason}{expired}{ending}{waived}")
    return GateResult(gate, verdict, tuple(worst_first(sifted.counting)), sifted.waived, ending=sifted.ending)

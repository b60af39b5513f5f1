"""One verdict for an environment that several Argo CD applications roll out, as in several clusters."""

from collections.abc import Mapping, Sequence

from tasks.domain.rollout.verdict import RolloutKind, RolloutVerdict
from tasks.domain.verdict import Outcome, Verdict, passed


def together(verdicts: Sequence[Verdict]) -> Verdict:
    """The first that has failed, else the first that is pending; passed only where all have; at least one is given."""
    worst = [v for v in verdicts if v.has_failed] or [v for v in verdicts if v.outcome is Outcome.PENDING]
    if worst:
        return worst[0]
    return passed("; ".join(verdict.reason for verdict in verdicts))


def decide_everywhere(environment: str, answers: Mapping[str, RolloutVerdict]) -> RolloutVerdict:
    """The answer about the environment from those about its applications, by name; at least one is given.

    Superseded before failed: who wanted another image there does not want ours back anywhere. The reasons of the
    answers name their application already.
    """
    evidence = tuple(f"{name}: {line}" for name, answer in answers.items() for line in answer.evidence)
    superseded = [a for a in answers.values() if a.kind is RolloutKind.SUPERSEDED]
    failed = [a for a in answers.values() if a.verdict.has_failed]
    pending = [a for a in answers.values() if not a.is_final]
    if decisive := [*superseded, *failed, *pending]:
        return RolloutVerdict(decisive[0].verdict, decisive[0].kind, evidence)
    names = " and ".join(answers)
    reason = f"{environment}: runs it everywhere, Synced and Healthy: {names}"
    return RolloutVerdict(passed(reason), RolloutKind.CONFIRMED, evidence)

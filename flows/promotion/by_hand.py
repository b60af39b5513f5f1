"""Lets a person take a rollout on, or end it, from outside of its promotion, which sees it as if done in Argo CD."""

from collections.abc import Callable

from flows.places.everywhere import targets_of
from flows.places.place import Place
from tasks.argocd.actions import read_rollouts, run_action
from tasks.domain.rollout.by_hand import ByHand, NotByHand, decide_by_hand
from tasks.domain.rollout.progressive import Action
from tasks.gitops.desired_state import read_desired_state
from tasks.gitops.rollout_note import record_by_hand
from tasks.runs.promotions import find_open_promotions


def act_by_hand(place: Place, action: Action, by: str, reason: str, say: Callable[[str], None]) -> NotByHand | None:
    """Record it, then do it, for every Rollout that it is about; `say` is told what was done, sentence by sentence.

    Raises AccessRefused where Tidegate's token lacks the action's right, and what reading and recording raise.
    """
    found = [
        (server, target, rollout)
        for server, target in targets_of(place)
        for rollout in read_rollouts.fn(server, target)
    ]
    chosen = decide_by_hand(action, place.env.progressive, place.environment, [rollout for *_, rollout in found])
    if isinstance(chosen, NotByHand):
        return chosen
    for server, target, rollout in found:
        if rollout in chosen:
            done = ByHand(place.application, place.environment, action, rollout, by, reason)
            commit = record_by_hand.fn(place.gitops, done)
            is_done = run_action.fn(server, target, rollout, action)
            moved_on = "had moved on before, and nothing was done"
            say(f"{rollout}: {action if is_done else moved_on}; recorded by commit {commit[:7]}")
    say(_what_follows(place, action))
    return None


def _what_follows(place: Place, action: Action) -> str:
    wanted = read_desired_state.fn(place.gitops, place.env.manifest).image
    runs = find_open_promotions.fn(place.application, place.environment)
    moving = [run for run in runs if not run.is_waiting and not run.is_scheduled]
    # The newest of those that wrote what git wants: the run of a process that died stays open for a while.
    following = next((run for run in reversed(moving) if wanted and run.digest == wanted.digest), None)
    if following:
        then = "takes it back in git" if action == "abort" else "follows it"
        return f"the promotion of {following.commit[:7]} {then}: {following.url}"
    if action == "abort":
        undo = f"tidegate rollback {place.application} {place.environment} --reason ..."
        return f"no promotion follows it, and git still wants what was aborted: `{undo}` takes it back"
    return f"no promotion follows it: look at it by `tidegate status {place.application} {place.environment}`"

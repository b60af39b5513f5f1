"""Runs an application's checks on one commit: its toolchain recognised, side by side, each in files of its own."""

from dataclasses import dataclass, replace
from pathlib import Path

from prefect.futures import PrefectFuture
from prefect_docker import DockerHost

from flows.integration.dockerfile import find_in_dockerfile
from flows.integration.scans import adopt, look_for_analyses, with_commands, with_quality_gate
from flows.places.loading import load_block
from flows.places.workshop import Workshop
from tasks.checks.apart import Apart
from tasks.checks.cache import CachePlace, cache_key, keep_cache, restore_cache
from tasks.checks.run import run_check
from tasks.checks.tree import give_to, own_copy, read_tree_facts
from tasks.domain.commit import Mainline
from tasks.domain.gates.check import Check
from tasks.domain.gates.checks import CheckOutcome, NotStarted, decide_check
from tasks.domain.gates.finding import Finding
from tasks.domain.gates.gate import TOOLCHAIN, GateResult
from tasks.domain.gates.scan import Scanned
from tasks.domain.toolchain.cache import cache_environment
from tasks.domain.toolchain.defaults import Equipped, equip
from tasks.domain.verdict import failed, passed
from tasks.run_log import run_logger
from tasks.source.checkout import checkout
from tasks.source.mirror import cache_folder, folder_name


@dataclass(frozen=True, slots=True)
class Checked:
    """What running the checks brought: the application with all of them, its toolchain's gate, and its Dockerfile."""

    workshop: Workshop
    outcomes: tuple[CheckOutcome, ...]
    gates: tuple[GateResult, ...] = ()
    of_image: tuple[Finding, ...] = ()


def run_checks(
    workshop: Workshop, scanned: Scanned, looking: PrefectFuture[Mainline] | None, *, fresh: bool = False
) -> Checked:
    """Run every check; `looking` says in the end whether the mainline holds the commit, and its caches may be kept.

    What SonarQube has passed already is not scanned again, unless it has to be `fresh`.
    """
    analyses = {} if fresh else look_for_analyses(workshop, scanned)
    with checkout(workshop.github, workshop.app.repository, scanned.commit) as tree:
        equipped = equip(workshop.app, read_tree_facts(tree))
        if not isinstance(equipped, Equipped):
            return Checked(workshop, (), (GateResult(TOOLCHAIN, failed(equipped.reason)),))
        workshop = with_commands(replace(workshop, app=equipped.application), scanned)
        gates = (GateResult(TOOLCHAIN, passed(equipped.said)),) if equipped.said else ()
        # Before a check may change it.
        of_image = find_in_dockerfile(workshop, tree)
        adopted = adopt(workshop, analyses)
        left = _without(workshop, adopted)
        outcomes = (*adopted, *_with_cache(left, equipped, tree, looking))
    return Checked(workshop, tuple(with_quality_gate(workshop, outcome) for outcome in outcomes), gates, of_image)


def _without(workshop: Workshop, adopted: tuple[CheckOutcome, ...]) -> Workshop:
    known = {outcome.check for outcome in adopted}
    left = {name: check for name, check in workshop.app.checks.items() if name not in known}
    return replace(workshop, app=workshop.app.model_copy(update={"checks": left}))


def _with_cache(
    workshop: Workshop, equipped: Equipped, tree: Path, looking: PrefectFuture[Mainline] | None
) -> list[CheckOutcome]:
    if equipped.toolchain is None:
        return _run_all(workshop, tree, _apart(workshop))
    owner = f"{folder_name(workshop.github.clone_url(workshop.app.repository))}-{workshop.application}"
    key = cache_key(tree, equipped.toolchain)
    place = CachePlace(cache_folder() / "toolchains", owner, equipped.toolchain, key)
    folder = tree.parent / "cache"
    run_logger().info("The cache of %s is %s.", equipped.toolchain, restore_cache(place, folder))
    give_to(folder, workshop.app.isolation.user)
    apart = _apart(workshop, cache_environment(equipped.toolchain, str(folder)), folder)
    outcomes = _run_all(workshop, tree, apart)
    if looking and looking.result().holds_it and not any(_has_failed(workshop, one) for one in outcomes):
        keep_cache(place, folder)
    return outcomes


def _apart(workshop: Workshop, environment: dict[str, str] | None = None, cache: Path | None = None) -> Apart:
    isolation = workshop.app.isolation
    asks = isolation.container or any(check.container for check in workshop.app.checks.values())
    engine = load_block(DockerHost, isolation.engine) if asks else None
    return Apart(environment or {}, isolation.user, isolation.container, engine, cache)


def _run_all(workshop: Workshop, tree: Path, apart: Apart) -> list[CheckOutcome]:
    """Those that come before all others in the tree itself, the others in copies of what these left."""
    checks = workshop.app.checks
    first = {name: check for name, check in checks.items() if check.before_others}
    if first:
        give_to(tree, apart.user)
    before = []
    for name, check in first.items():
        before.append(_submit(workshop, name, check, tree, apart).result())
        if _has_failed(workshop, before[-1]):
            break
    rest = [(name, check) for name, check in checks.items() if name not in {one.check for one in before}]
    if before and _has_failed(workshop, before[-1]):
        reason = f"check {before[-1].check!r} comes before it, and failed."
        return [*before, *(CheckOutcome(name, NotStarted(reason)) for name, _ in rest)]
    running = [_submit(workshop, name, check, own_copy(tree, name, user=apart.user), apart) for name, check in rest]
    return [*before, *(future.result() for future in running)]


def _submit(workshop: Workshop, name: str, check: Check, tree: Path, apart: Apart) -> PrefectFuture[CheckOutcome]:
    return run_check.submit(name, check, tree, sonarqube=workshop.sonarqube, apart=apart)


def _has_failed(workshop: Workshop, outcome: CheckOutcome) -> bool:
    return decide_check(workshop.app.checks[outcome.check], outcome).has_failed

"""prefect.yaml: what Prefect would ignore or find out at night is refused, by file, line and key."""

import sys
from pathlib import Path

import pytest

from deployments.prefect_file import check_prefect_file
from tasks.domain.errors import ConfigurationError

ROOT = Path(__file__).parents[2]

FLOWS = """\
from prefect import flow

@flow
def build(application: str, fresh: bool = False) -> None:
    pass

def no_flow() -> None:
    pass
"""

GOOD = """\
name: shop
deployments:
  - name: build
    entrypoint: shop_flows.build
    description: Builds it.
    work_pool: {name: tidegate}
    schedules:
      - {slug: nightly, cron: 0 2 * * *, timezone: Europe/Berlin, parameters: {application: shop-api}}
"""


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "shop_flows.py").write_text(FLOWS)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "shop_flows", raising=False)
    monkeypatch.chdir(tmp_path)
    return Path("prefect.yaml")


def mistakes_in(file: Path, text: str) -> list[str]:
    file.write_text(text)
    with pytest.raises(ConfigurationError) as caught:
        check_prefect_file(file)
    return str(caught.value).splitlines()


def test_the_repository_s_own_file_is_right(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    names = [deployment.name for deployment in check_prefect_file(Path("prefect.yaml")).deployments]
    assert {"integrate", "promote", "roll-back", "nightly"} <= set(names)


def test_a_right_file_is_read(file: Path) -> None:
    file.write_text(GOOD)
    assert check_prefect_file(file).deployments[0].schedules[0].timezone == "Europe/Berlin"


@pytest.mark.parametrize(
    ("old", "new", "line", "sentence"),
    [
        (
            "    work_pool:",
            "    workpool: x\n    work_pool:",
            6,
            "workpool: unknown key; did you mean 'wor",
        ),
        (
            "{name: tidegate}",
            "{name: x, queue: y}",
            6,
            "work_pool.queue: unknown key; allowed: name, wor",
        ),
        ("    description: Builds it.\n", "", 3, "description: is missing; give it: what a person who"),
        (
            "    schedules:",
            "    schedule: {}\n    schedules:",
            7,
            "schedule: unknown key; did you mean 'sch",
        ),
        ("slug: nightly, ", "", 8, "schedules[0].slug: is missing; give it"),
        ("0 2 * * *", "0 25 * * *", 8, "schedules[0].cron: '0 25 * * *' is not a cron expression; give"),
        (
            "Europe/Berlin",
            "Europe/Berlim",
            8,
            "schedules[0].timezone: unknown time zone 'Europe/Berlim'; did ",
        ),
        (
            "shop_flows.build",
            "shop_flows.py:build",
            4,
            "entrypoint: 'shop_flows.py:build' is not dotted; wr",
        ),
        (
            "shop_flows.build",
            "shop_flow.build",
            4,
            "entrypoint: shop_flow cannot be imported (No module na",
        ),
        (
            "shop_flows.build",
            "shop_flows.biuld",
            4,
            "entrypoint: shop_flows has no flow 'biuld'; did you m",
        ),
        (
            "shop_flows.build",
            "shop_flows.no_flow",
            4,
            "entrypoint: shop_flows has no flow 'no_flow'; its",
        ),
        (
            "{application: shop-api}",
            "{aplication: x, application: y}",
            8,
            "schedules[0].parameters.aplication",
        ),
        (
            "{application: shop-api}",
            "{}",
            8,
            "schedules[0].parameters: the flow build needs 'application'",
        ),
        (
            "    work_pool:",
            "    parameters: {fast: true}\n    work_pool:",
            6,
            "parameters.fast: the flow bui",
        ),
    ],
)
def test_a_mistake_is_named_by_file_line_and_key(file: Path, old: str, new: str, line: int, sentence: str) -> None:
    assert GOOD.count(old) == 1
    found = mistakes_in(file, GOOD.replace(old, new))
    assert any(told.startswith(f"prefect.yaml:{line}: deployments[0].{sentence}") for told in found), found


def test_a_limit_on_runs_that_wait_for_people_is_refused(file: Path) -> None:
    text = GOOD.replace("shop_flows.build", "flows.promote.promote").replace(
        "    work_pool:", "    concurrency_limit: {limit: 1}\n    work_pool:"
    )
    assert (
        "prefect.yaml:6: deployments[0].concurrency_limit: would kill runs that wait for an approval; leave it out, "
        "environments have locks of their own"
    ) in mistakes_in(file, text)


def test_two_deployments_of_one_flow_need_two_names(file: Path) -> None:
    again = GOOD.split("deployments:\n")[1]
    assert mistakes_in(file, GOOD + again) == [
        "prefect.yaml:9: deployments[1].name: 'build' is there twice for the same flow; rename one"
    ]

"""Post-deploy checks of three kinds in the delivery configuration, and what is said about wrong ones."""

import pytest

from tasks.domain.delivery.environment import Environment
from tasks.domain.delivery.post_deploy import CommandCheck, HttpCheck, PrometheusCheck, fill
from tasks.domain.delivery.text import parse_delivery
from tasks.domain.errors import ConfigurationError

FILE = """
version: 1
applications: {shop-api: {repository: acme/shop-api, image: shop-api, checks: {lint: {command: [ruff]}}}}
environments:
  staging:
    argocd: {application: shop-api}
    manifest: {file: values.yaml}
    post-deploy-checks:
"""


def checks(*lines: str, url: str = "url: https://shop.example/") -> Environment:
    text = FILE + "".join(f"      {line}\n" for line in lines) + f"    {url}\n"
    return parse_delivery(text, file="delivery.yaml").environments["staging"]


def complaint(*lines: str, url: str = "url: https://shop.example/") -> str:
    with pytest.raises(ConfigurationError) as raised:
        checks(*lines, url=url)
    return str(raised.value)


def test_each_kind_is_recognised_by_its_own_key() -> None:
    known = checks(
        "ready: {url: https://shop.example/readyz}",
        'smoke: {command: [smoke, "{url}", "{commit}"]}',
        "errors: {query: 'sum(rate(errors{app=\"{application}\"}[1m]))', at-most: 0.01}",
    ).post_deploy_checks
    assert [type(check) for check in known.values()] == [HttpCheck, CommandCheck, PrometheusCheck]


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("ready: {adress: x}", "ready: is no check; give it exactly one of url, command and query"),
        ("ready: {url: https://a.example, query: up}", "ready: is no check; give it exactly one of"),
        ("ready:", "ready: is no check; give it exactly one of"),
        ("ready: {url: https://a.example, stattus: 1}", "ready.stattus: unknown key; did you mean 'status'?"),
        ("ready: {url: https://a.example, at-most: 1}", "ready.at-most: unknown key"),
        ("ready: {command: [smoke, 3]}", "ready.command[1]: is the number 3; it must be text; put it in quotes"),
        ("ready: {command: []}", "ready.command: is empty; give at least 1"),
        ("ready: {query: up}", "ready: has no threshold; give it `at-most`, `at-least`, or both"),
        ("ready: {query: up, at-most: 1, at-least: 2}", "ready: nothing is at least 2 and at most 1"),
        ('ready: {query: up, at-most: "1"}', "ready.at-most: is the text '1'; it must be a number"),
        ("ready: {query: up, at-most: 1, empty-is: ok}", "ready.empty-is: is the text 'ok'; allowed: 'failed' or"),
        (
            'ready: {command: [smoke, "{comit}"]}',
            "ready.command[1]: '{comit}' has the placeholder {comit} that nothing fills in; known: {applic",
        ),
    ],
)
def test_a_mistake_is_named_by_line_and_key_without_the_kind_in_it(line: str, sentence: str) -> None:
    said = complaint(line)
    assert said.startswith("delivery.yaml:9: environments.staging.post-deploy-checks.")
    assert sentence in said
    assert not any(kind in said for kind in ("HttpCheck", "CommandCheck", "PrometheusCheck"))


def test_an_address_that_is_not_there_is_not_filled_in() -> None:
    sentence = "check 'smoke' uses {url}, but the environment has none; give its `url`"
    assert sentence in complaint('smoke: {command: [smoke, "{url}"]}', url="")


def test_only_placeholders_are_filled_in() -> None:
    query = 'rate(x{job="{application}", code=~"5.."}[1m]) %{http_code} ${commit}'
    assert fill(query, {"application": "shop-api", "commit": "abc"}) == query.replace("{application}", "shop-api")

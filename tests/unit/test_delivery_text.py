"""The delivery configuration: what is read, and that every mistake is named by file, line and key."""

import json
import textwrap
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from ruamel.yaml import YAML

from tasks.delivery import read_delivery
from tasks.domain.delivery.model import Delivery
from tasks.domain.delivery.text import delivery_schema, parse_delivery
from tasks.domain.errors import ConfigurationError

DEPLOYMENTS = Path(__file__).parents[2] / "deployments"

GOOD = """\
version: 1
applications:
  shop-api:
    repository: acme/shop-api
    image: acme/shop-api
    checks:
      tests: {command: [pytest], reports: {cobertura: coverage.xml}}
  shop-web:
    repository: acme/shop-web
    image: acme/shop-web
    checks: {lint: {command: [ruff, check]}}
environments:
  staging: &place
    argocd: {application: "{application}-staging"}
    manifest: {file: "apps/{application}/staging.yaml"}
  production:
    <<: *place
    needs: [staging]
    manifest: {file: "apps/{application}/production.yaml"}
"""


def mistakes_in(text: str) -> list[str]:
    with pytest.raises(ConfigurationError) as caught:
        parse_delivery(text, file="d.yaml")
    return str(caught.value).splitlines()


def changed(old: str, new: str) -> str:
    assert GOOD.count(old) == 1, f"{old!r} is {GOOD.count(old)} times in the good file"
    return GOOD.replace(old, new)


@pytest.fixture
def delivery() -> Delivery:
    return parse_delivery(GOOD, file="d.yaml")


def test_a_merged_alias_gives_what_is_not_written_out(delivery: Delivery) -> None:
    assert delivery.environments["production"].argocd.application == "{application}-staging"
    assert delivery.environments["production"].manifest.file == "apps/{application}/production.yaml"


ONE_MISTAKE = [
    (
        "command: [pytest],",
        "comand: [x], command: [pytest],",
        (
            "7: applications.shop-api.checks.tests.comand: unknown key; did you mean 'command'? allowed: command, "
            "sonarqube, before-others, timeout-seconds, retries, could-not-run, reports, exit-codes, limits, container"
        ),
    ),
    (
        "command: [pytest],",
        "command: [pytest], timeout_seconds: 5,",
        (
            "7: applications.shop-api.checks.tests.timeout_seconds: unknown key; did you mean 'timeout-seconds'? "
            "allowed: command, sonarqube, before-others, timeout-seconds, retries, could-not-run, reports, exit-codes, "
            "limits, container"
        ),
    ),
    (
        "command: [pytest],",
        "command: [pytest, -n, 2],",
        "7: applications.shop-api.checks.tests.command[2]: is the number 2; it must be text; put it in quotes",
    ),
    (
        "command: [pytest],",
        "command: pytest,",
        "7: applications.shop-api.checks.tests.command: is the text 'pytest'; it must be a list",
    ),
    (
        "command: [pytest],",
        "command: [pytest], retries: '1',",
        "7: applications.shop-api.checks.tests.retries: is the text '1'; it must be a whole number",
    ),
    (
        "command: [pytest],",
        "command: [pytest], retries: 9,",
        "7: applications.shop-api.checks.tests.retries: is the number 9; it must be at most 5",
    ),
    (
        "cobertura: coverage.xml",
        "cobertura: ../coverage.xml",
        (
            "7: applications.shop-api.checks.tests.reports.cobertura: '../coverage.xml' is not a path inside the "
            "repository; give a relative one without '..'"
        ),
    ),
    (
        "repository: acme/shop-api",
        "repository: shop-api",
        (
            "4: applications.shop-api.repository: 'shop-api' is not allowed; use OWNER/NAME as in the repository's "
            "address, such as acme/shop-api"
        ),
    ),
    (
        "  shop-web:",
        "  Shop Web:",
        (
            "8: applications.Shop Web: 'Shop Web' is not allowed; use up to 63 lower case letters, digits and dashes, "
            "with a letter or digit at both ends"
        ),
    ),
    (
        "    image: acme/shop-web\n",
        "",
        (
            "8: applications.shop-web.image: is missing; give it: The image's path in the registry, without the "
            "registry's host."
        ),
    ),
    (
        "version: 1",
        "version: 2",
        "1: version: is the number 2; allowed: 1",
    ),
    (
        "    needs: [staging]",
        "    needs: [stagging]",
        (
            "18: environments.production.needs[0]: unknown environment 'stagging'; did you mean 'staging'? known: "
            "staging, production"
        ),
    ),
    (
        "    needs: [staging]",
        "    needs: [staging]\n    applications: [shop-ap]",
        (
            "19: environments.production.applications[0]: unknown application 'shop-ap'; did you mean 'shop-api'? "
            "known: shop-api, shop-web"
        ),
    ),
    (
        "    needs: [staging]",
        "    needs: [staging, production]",
        "18: environments.production.needs: production needs production: a circle; leave one of them out",
    ),
    (
        'application: "{application}-staging"',
        'application: "{app}-staging"',
        (
            "14: environments.staging.argocd.application: '{app}-staging' has a placeholder that nothing fills in; the "
            "only one is {application}"
        ),
    ),
    (
        'file: "apps/{application}/production.yaml"',
        'file: "apps/{application}/staging.yaml"',
        (
            "19: environments.production.manifest.file: shop-api in production would be written to the same place as "
            "shop-api in staging ('image' in apps/shop-api/staging.yaml); give each a file or a key of its own"
        ),
    ),
    (
        'file: "apps/{application}/production.yaml"',
        'file: "/etc/{application}.yaml"',
        (
            "19: environments.production.manifest.file: '/etc/{application}.yaml' is not a path inside the "
            "repository; give a relative one without '..'"
        ),
    ),
    (
        "    image: acme/shop-web\n",
        "    image: acme/shop-web\n    gates: {coverage: {minimum: 80}}\n",
        (
            "11: applications.shop-web.gates.coverage: no check reports to it; add `reports` with one of "
            "cobertura, lcov, jacoco, coverage-py, go-cover to a check"
        ),
    ),
    (
        "reports: {cobertura: coverage.xml}",
        "reports: {coberture: coverage.xml}",
        (
            "7: applications.shop-api.checks.tests.reports.coberture: unknown key; did you mean 'cobertura'? allowed: "
            "junit, go-test, cobertura, lcov, jacoco, coverage-py, go-cover, sarif, trivy, gitleaks, detect-secrets, "
            "bandit, hadolint, pip-audit, npm-audit, ecr, sonarqube"
        ),
    ),
    (
        "checks: {lint: {command: [ruff, check]}}",
        "checks: {lint: {command: [ruff, check], exit-codes: [0, 1]}}",
        (
            "11: applications.shop-web.checks.lint.exit-codes: without a report nothing says what the command found; "
            "name its `reports`, or remove this"
        ),
    ),
    (
        "checks: {lint: {command: [ruff, check]}}",
        "checks: {findings: {command: [ruff, check]}}",
        "11: applications.shop-web.checks.findings: findings is another gate's name; give the check another one",
    ),
    (
        "    image: acme/shop-web\n",
        "    image: acme/shop-web\n    gates: {findings: {fail-on-new: hihg}}\n",
        (
            "11: applications.shop-web.gates.findings.fail-on-new: is the text 'hihg'; allowed: 'info', 'low', "
            "'medium', 'high', 'critical' or 'never'"
        ),
    ),
    (
        "    image: acme/shop-web\n",
        "    image: acme/shop-web\n    gates: {findings: {at-most: {hihg: 0}}}\n",
        (
            "11: applications.shop-web.gates.findings.at-most.hihg: is the text 'hihg'; allowed: 'unknown', 'info', "
            "'low', 'medium', 'high' or 'critical'"
        ),
    ),
    (
        "version: 1",
        "version: 1\nversion: 1",
        "2: version: stands here a second time, first in line 1; keep one of both",
    ),
]


@pytest.mark.parametrize(("old", "new", "sentence"), ONE_MISTAKE, ids=[case[1].strip() for case in ONE_MISTAKE])
def test_a_mistake_is_named_by_file_line_and_key(old: str, new: str, sentence: str) -> None:
    found = mistakes_in(changed(old, new))
    assert f"d.yaml:{sentence}" in found


def test_a_circle_through_several_environments_is_told_once_and_as_a_way() -> None:
    text = changed("  staging: &place\n", "  staging: &place\n    needs: [production]\n").replace(
        "    <<: *place\n", "    argocd: {application: x}\n"
    )
    assert mistakes_in(text) == [
        (
            "d.yaml:14: environments.staging.needs: staging needs production, which needs staging: a circle; leave "
            "one of them out"
        )
    ]


def test_an_environment_cannot_need_one_that_does_not_hold_its_applications() -> None:
    text = changed("  staging: &place\n", "  staging: &place\n    applications: [shop-web]\n")
    text = text.replace("    needs: [staging]\n", "    needs: [staging]\n    applications: []\n")
    assert mistakes_in(text) == [
        (
            "d.yaml:19: environments.production.needs[0]: staging does not hold shop-api, so nothing could ever be "
            "promoted to production; add it to staging's applications, or make an environment without this need"
        )
    ]


def test_one_mistake_does_not_hide_others() -> None:
    text = textwrap.dedent(
        """\
        version: one
        applications:
          shop-api:
            repository: shop-api
            image: acme/shop-api
            imgae: acme/shop-api
            checks: {tests: {command: []}}
        environments:
          staging:
            argocd: {application: x}
            manifest: {file: a.yaml}
          production:
            needs: [stging]
            argocd: {application: x, servr: y}
            manifest: {file: a.yaml}
        """
    )
    lines = [sentence.split(": ")[0] + " " + sentence.split(": ")[1] for sentence in mistakes_in(text)]
    assert lines == [
        "d.yaml:1 version",
        "d.yaml:4 applications.shop-api.repository",
        "d.yaml:6 applications.shop-api.imgae",
        "d.yaml:7 applications.shop-api.checks.tests.command",
        "d.yaml:13 environments.production.needs[0]",
        "d.yaml:14 environments.production.argocd.servr",
        "d.yaml:15 environments.production.manifest.file",
    ]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "d.yaml:1: the file: is empty; it needs version, applications, environments"),
        ("- a\n", "d.yaml:1: the file: is a list; it must be a mapping"),
        (
            "version: 1\napplications: [\n",
            "d.yaml:3: the text is not YAML: expected the node content, but found '<stream end>'; correct it",
        ),
        ("a: 1\n---\nb: 1\n", "d.yaml:2: the text is not YAML: but found another document; correct it"),
        ("version: 1\nname: *nobody\n", "d.yaml:2: the text is not YAML: found undefined alias 'nobody'; correct it"),
        ("version: !!python/name:os.system x\n", "d.yaml:1: version: the tag tag:yaml.org,2002:python/name:os.system"),
        ("version: &v [*v]\n", "d.yaml:1: version[0]: an alias that contains itself; write the values out"),
        ("[" * 5000, "d.yaml:1: the text is nested too deeply; make it flatter"),
    ],
)
def test_what_is_not_one_plain_document_is_refused_with_its_line(text: str, sentence: str) -> None:
    assert any(found.startswith(sentence) for found in mistakes_in(text))


def test_aliases_of_aliases_do_not_fill_the_memory() -> None:
    levels = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    levels += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 12)]
    assert "more than 100000 values" in mistakes_in("\n".join(levels))[0]


def test_a_text_that_looks_like_a_date_stays_as_it_was_written() -> None:
    text = changed("    image: acme/shop-web\n", "    image: acme/shop-web\n    build: {arguments: {ON: 2026-01-01}}\n")
    assert parse_delivery(text, file="d.yaml").applications["shop-web"].build.arguments == {"ON": "2026-01-01"}


def test_placeholders_are_filled_in_everywhere_for_one_application() -> None:
    text = GOOD + textwrap.indent(
        'url: "https://{application}.example/"\npost-deploy-checks: {up: {url: "https://{application}.example/up"}}\n',
        "    ",
    )
    production = parse_delivery(text, file="d.yaml").environment("production", "shop-web")
    assert production.argocd.application == "shop-web-staging"
    assert production.manifest.file == "apps/shop-web/production.yaml"
    assert production.url == "https://shop-web.example/"
    assert production.post_deploy_checks["up"].url == "https://shop-web.example/up"


def test_the_graph_is_followed_only_through_environments_that_hold_the_application() -> None:
    text = GOOD + textwrap.dedent(
        """\
          canary:
            applications: [shop-web]
            needs: [staging]
            argocd: {application: x}
            manifest: {file: canary.yaml}
        """
    ).replace("\n", "\n  ").rstrip(" ").replace("canary:", "  canary:", 1)
    delivery = parse_delivery(text, file="d.yaml")
    assert delivery.first_environments("shop-api") == ("staging",)
    assert delivery.next_environments("shop-api", "staging") == ("production",)
    assert delivery.next_environments("shop-web", "staging") == ("production", "canary")
    assert delivery.next_environments("shop-web", "production") == ()
    with pytest.raises(ConfigurationError, match="does not hold application 'shop-api'; it has a place in: st"):
        delivery.environment("canary", "shop-api")


def test_an_unknown_name_is_answered_with_the_known_ones(delivery: Delivery) -> None:
    with pytest.raises(ConfigurationError, match="unknown application 'shop'; known: shop-api, shop-web"):
        delivery.application("shop")
    with pytest.raises(ConfigurationError, match="unknown environment 'prod'; known: staging, production"):
        delivery.environment("prod", "shop-api")


def test_a_file_that_is_not_there_is_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIDEGATE_DELIVERY", str(tmp_path / "none.yaml"))
    with pytest.raises(ConfigurationError, match=r"none.yaml cannot be read .*; name it in TIDEGATE_DELIVERY"):
        read_delivery()


def test_the_documented_example_is_right() -> None:
    delivery = read_delivery(DEPLOYMENTS / "delivery.yaml")
    assert tuple(delivery.order()) == ("staging", "production")


def test_the_schema_in_the_repository_is_fresh_and_takes_the_example() -> None:
    committed = json.loads((DEPLOYMENTS / "delivery.schema.json").read_text())
    assert committed == delivery_schema(), "run `make schema`"
    example = YAML(typ="safe", pure=True).load(DEPLOYMENTS / "delivery.yaml")
    jsonschema.Draft202012Validator(committed).validate(example)
    example["applications"]["shop-api"]["imgae"] = "x"
    with pytest.raises(jsonschema.ValidationError, match="imgae"):
        jsonschema.Draft202012Validator(committed).validate(example)


def test_the_schema_describes_every_key() -> None:
    schema = delivery_schema()
    undescribed = [
        f"{name}.{key}"
        for name, model in ({"the file": schema} | schema["$defs"]).items()
        for key, described in _properties(model)
        if not described.get("description")
    ]
    assert undescribed == []


def _properties(model: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    properties: dict[str, dict[str, Any]] = model.get("properties", {})
    return list(properties.items())


def test_what_a_freeze_or_a_soak_time_names_has_to_be_there() -> None:
    freeze = "freezes: [{from: 2026-12-20, until: 2026-12-31, reason: holidays, environments: [prodction]}]\n"
    soaking = changed(
        '    manifest: {file: "apps/{application}/staging.yaml"}\n',
        """\
    manifest: {file: "apps/{application}/staging.yaml"}
    soak-seconds: 60
""",
    )
    assert mistakes_in(GOOD + freeze)[0] == (
        "d.yaml:20: freezes[0].environments[0]: unknown environment 'prodction'; did you mean 'production'? "
        "known: staging, production"
    )
    assert mistakes_in(soaking)[0] == (
        "d.yaml:16: environments.staging.soak-seconds: staging needs no other environment in which a candidate could "
        "soak; add `needs`, or remove this"
    )


def test_several_applications_of_argo_cd_may_roll_one_environment_out() -> None:
    also = 'argocd: {application: "{application}-eu", also: [{application: "{application}-us", server: argocd-us}]}'
    text = GOOD.replace('argocd: {application: "{application}-staging"}', also)

    target = parse_delivery(text, file="delivery.yaml").environment("staging", "shop-api").argocd

    assert [(one.application, one.server) for one in (target, *target.also)] == [
        ("shop-api-eu", "argocd"),
        ("shop-api-us", "argocd-us"),
    ]


def test_the_application_that_applies_another_one_is_named_by_the_applications_name() -> None:
    parent = 'argocd: {application: "{application}-eu", parent: {application: "{application}-apps"}}'
    text = GOOD.replace('argocd: {application: "{application}-staging"}', parent)

    target = parse_delivery(text, file="delivery.yaml").environment("staging", "shop-api").argocd

    assert target.parent is not None
    assert target.parent.application == "shop-api-apps"


def test_a_list_of_applications_within_a_list_is_refused() -> None:
    also = "argocd: {application: a, also: [{application: b, also: [{application: c}]}]}"
    text = GOOD.replace('argocd: {application: "{application}-staging"}', also)

    with pytest.raises(ConfigurationError, match="put all of them into one list"):
        parse_delivery(text, file="delivery.yaml")

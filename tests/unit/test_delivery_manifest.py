"""The manifest of an environment in the delivery configuration: each format's keys, and each mistake's sentence."""

import pytest

from tasks.domain.delivery.manifest import Manifest
from tasks.domain.delivery.model import Delivery
from tasks.domain.delivery.text import parse_delivery
from tasks.domain.errors import ConfigurationError

GOOD = """\
version: 1
applications:
  shop-api:
    repository: acme/shop-api
    image: acme/shop-api
    checks: {lint: {command: [ruff, check]}}
environments:
  staging:
    argocd: {application: "{application}-staging"}
    manifest:
      file: staging.yaml
"""


def text(*lines: str) -> str:
    return GOOD + "".join(f"      {line}\n" for line in lines)


def parse(*lines: str) -> Delivery:
    return parse_delivery(text(*lines), file="d.yaml")


def test_values_are_the_format_and_image_the_path_where_nothing_is_said() -> None:
    assert parse().environments["staging"].manifest == Manifest(file="staging.yaml", format="helm-values", at="image")


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (
            ["format: kustomize", 'at: "{application}"'],
            Manifest(file="staging.yaml", format="kustomize", at="shop-api"),
        ),
        (
            ["format: manifest", "at: api", 'resource: "Deployment/{application}"', "may-add-keys: true"],
            Manifest(
                file="staging.yaml", format="manifest", at="api", resource="Deployment/shop-api", may_add_keys=True
            ),
        ),
        (
            ["format: application", "at: registry.example/acme/shop-api", "edit-anchors: true"],
            Manifest(file="staging.yaml", format="application", at="registry.example/acme/shop-api", edit_anchors=True),
        ),
        (
            [r"at: jobs[0].a\.b.image", "digest-in-tag: true"],
            Manifest(file="staging.yaml", at=r"jobs[0].a\.b.image", digest_in_tag=True),
        ),
    ],
)
def test_each_format_is_read_with_the_application_s_name_filled_in(lines: list[str], expected: Manifest) -> None:
    assert parse(*lines).environment("staging", "shop-api").manifest == expected


@pytest.mark.parametrize(
    ("lines", "mistake"),
    [
        (
            ["format: helm"],
            "12: environments.staging.manifest.format: is the text 'helm'; allowed: 'helm-values', 'kus",
        ),
        (
            ["format: kustomize"],
            "10: environments.staging.manifest: 'at' is missing; format kustomize needs there the n",
        ),
        (
            ["format: manifest"],
            "10: environments.staging.manifest: 'at' is missing; format manifest needs there the na",
        ),
        (
            ["at: a..b"],
            "12: environments.staging.manifest.at: 'a..b' is not a path of keys; join keys by dots, such as",
        ),
        (
            ["at: a[x]"],
            "12: environments.staging.manifest.at: 'a[x]' is not a path of keys; join keys by dots, such as",
        ),
        (
            ["at: a b"],
            "12: environments.staging.manifest.at: 'a b' is not allowed; use a path or a name without spaces",
        ),
        (['at: "{app}"'], "12: environments.staging.manifest.at: '{app}' has a placeholder that nothing fills in; the"),
        (
            ["resource: shop-api"],
            (
                "12: environments.staging.manifest.resource: means nothing for format helm-values, only for manifest "
                "and application; remove it"
            ),
        ),
        (
            ["format: manifest", "at: a", "resource: a/b/c"],
            (
                "14: environments.staging.manifest.resource: 'a/b/c' is not allowed; use NAME or KIND/NAME of a "
                "Kubernetes resource, such as Deployment/{application}"
            ),
        ),
        (
            ["format: kustomize", "at: a", "digest-in-tag: true"],
            (
                "14: environments.staging.manifest.digest-in-tag: means nothing for format kustomize, only for "
                "helm-values and application; remove it"
            ),
        ),
        (
            ["may-add-keys: 1"],
            "12: environments.staging.manifest.may-add-keys: is the number 1; it must be true or false",
        ),
        (["may-add-key: true"], "12: environments.staging.manifest.may-add-key: unknown key; did you mean 'may-add-"),
    ],
)
def test_a_mistake_in_a_manifest_is_named_by_line_and_key(lines: list[str], mistake: str) -> None:
    with pytest.raises(ConfigurationError) as refusal:
        parse(*lines)
    assert str(refusal.value).startswith(f"d.yaml:{mistake}")


def test_one_file_may_hold_several_environments_apart_by_resource_or_name() -> None:
    second = (
        "  production:\n    argocd: {application: x}\n    manifest: {file: staging.yaml, format: application, %s}\n"
    )
    first = ["format: application", "resource: a"]
    assert parse_delivery(text(*first) + second % "resource: b", file="d.yaml")
    with pytest.raises(
        ConfigurationError, match="shop-api in production would be written to the same place as shop-ap"
    ):
        parse_delivery(text(*first) + second % "resource: a", file="d.yaml")

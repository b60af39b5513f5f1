"""Applications that go together, as they are configured: what is read, and what is refused."""

import pytest

from tasks.domain.delivery.text import parse_delivery
from tasks.domain.errors import ConfigurationError

GOOD = """\
version: 1
applications:
  shop-api: {repository: acme/shop, image: shop-api}
  shop-web: {repository: acme/shop, image: shop-web}
environments:
  staging:
    argocd: {application: "{application}-staging"}
    manifest: {file: "{application}/staging.yaml"}
  production:
    needs: [staging]
    argocd: {application: "{application}-production"}
    manifest: {file: "{application}/production.yaml"}
releases:
  shop: {applications: [shop-api, shop-web], environments: [production]}
"""


def mistakes_in(text: str) -> list[str]:
    with pytest.raises(ConfigurationError) as caught:
        parse_delivery(text, file="d.yaml")
    return str(caught.value).splitlines()


def test_a_release_is_found_by_its_name_and_by_its_members() -> None:
    delivery = parse_delivery(GOOD, file="d.yaml")
    assert delivery.release("shop", "production").applications == ("shop-api", "shop-web")
    assert (delivery.release_of("shop-web", "production"), delivery.release_of("shop-web", "staging")) == ("shop", None)
    with pytest.raises(ConfigurationError, match=r"unknown release 'web'; known: shop \("):
        delivery.release("web", "production")
    with pytest.raises(ConfigurationError, match="does not go to 'staging', only to: production"):
        delivery.release("shop", "staging")


@pytest.mark.parametrize(
    ("old", "new", "mistake"),
    [
        (
            "[shop-api, shop-web], env",
            "[shop-api, shop-wep], env",
            (
                "14: releases.shop.applications[1]: unknown application 'shop-wep'; did you mean 'shop-web'? known: "
                "shop-api, shop-web"
            ),
        ),
        (
            "[shop-api, shop-web], env",
            "[shop-api, shop-api], env",
            "14: releases.shop.applications[1]: application 'shop-api' is named twice; leave one out",
        ),
        (
            "environments: [production]",
            "environments: [live]",
            "14: releases.shop.environments[0]: unknown environment 'live'; known: staging, production",
        ),
        (
            "environments: [production]",
            "environments: [staging]",
            (
                "14: releases.shop.environments[0]: staging needs no other environment whose candidates could go "
                "together; add `needs` there, or take staging out of this release"
            ),
        ),
        (
            "    needs: [staging]\n",
            "    needs: [staging]\n    write: {mode: pull-request}\n",
            (
                "15: releases.shop.environments[0]: production is changed by pull requests, one for each application, "
                "but a release is one commit; let it be changed by a push (`write: {mode: push}`), or take "
                "production out of this release"
            ),
        ),
        (
            "    needs: [staging]\n",
            "    needs: [staging]\n    order: queue\n",
            (
                "15: releases.shop.environments[0]: production takes candidates in turn, but a release is always the "
                "newest set; remove `order: queue`, or take production out of this release"
            ),
        ),
        (
            "    needs: [staging]\n",
            "    needs: [staging]\n    applications: [shop-api]\n",
            (
                "15: releases.shop.environments[0]: production does not hold shop-web; add it to production's "
                "applications, or take one of both out of this release"
            ),
        ),
        (
            "releases:\n",
            "releases:\n  web: {applications: [shop-web, shop-api], environments: [production]}\n",
            (
                "15: releases.shop.applications[0]: shop-api goes to production with release web already; leave it out "
                "of one of both"
            ),
        ),
    ],
)
def test_a_mistake_in_a_release_is_named_with_the_way_out(old: str, new: str, mistake: str) -> None:
    assert GOOD.count(old) == 1
    assert f"d.yaml:{mistake}" in mistakes_in(GOOD.replace(old, new))


def test_one_member_alone_is_no_release() -> None:
    (mistake,) = mistakes_in(GOOD.replace("[shop-api, shop-web]", "[shop-api]"))
    assert mistake.startswith("d.yaml:14: releases.shop.applications: ")

"""What a change of an image makes of the rendered manifests, and the recipe by which Argo CD renders."""

from typing import Any

import pytest

from tasks.domain.argocd.recipe import Recipe, read_recipe
from tasks.domain.image import ImageReference
from tasks.domain.promotion.rendered import diff_of_manifests, read_documents, with_image

OLD, NEW = (ImageReference("registry.example/shop", tag, f"sha256:{tag * 64}") for tag in "ab")


def deployment(image: str) -> dict[str, Any]:
    return {"kind": "Deployment", "metadata": {"name": "shop"}, "spec": {"containers": [{"name": "a", "image": image}]}}


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (str(OLD), str(NEW)),
        (f"registry.example/shop@{OLD.digest}", f"registry.example/shop@{NEW.digest}"),
        ("registry.example/shop:a", "registry.example/shop:b"),
        ("registry.example/shop", "registry.example/shop"),
        ("registry.example/shop:other", "registry.example/shop:other"),
        (f"registry.example/sidecar:a@{OLD.digest}", f"registry.example/sidecar:a@{OLD.digest}"),
        ("no image at all", "no image at all"),
    ],
)
def test_the_image_is_exchanged_in_the_form_in_which_it_stands(before: str, after: str) -> None:
    assert with_image(deployment(before), OLD, NEW) == deployment(after)


def test_only_resources_that_change_are_in_the_difference() -> None:
    service = {"kind": "Service", "metadata": {"name": "shop"}, "spec": {"port": 80}}
    difference = diff_of_manifests([service, deployment("shop:1")], [deployment("shop:2"), service])
    assert difference.splitlines() == [
        "--- Deployment/shop",
        "+++ Deployment/shop",
        "@@ -4,4 +4,4 @@",
        " spec:",
        "   containers:",
        "-  - image: shop:1",
        "+  - image: shop:2",
        "     name: a",
    ]
    assert diff_of_manifests([service], [service]) == ""


def test_what_comes_and_goes_is_in_the_difference() -> None:
    assert "-kind: Service" in diff_of_manifests([{"kind": "Service", "metadata": {"name": "a"}}], [])


def test_printed_documents_are_read() -> None:
    printed = "---\n# Source: a\nkind: Service\n---\n---\nkind: Deployment\n"
    assert [one["kind"] for one in read_documents(printed)] == ["Service", "Deployment"]


def application(**source: Any) -> dict[str, Any]:
    spec = {"source": {"path": "charts/service"} | source, "destination": {"namespace": "production"}}
    return {"metadata": {"name": "shop-production"}, "spec": spec}


def test_a_recipe_says_what_helm_is_told() -> None:
    helm = {
        "valueFiles": ["../../apps/shop/values.yaml", "/common.yaml"],
        "valuesObject": {"replicas": 2},
        "parameters": [{"name": "a", "value": "1"}, {"name": "b", "value": "2", "forceString": True}],
    }
    assert read_recipe(application(helm=helm), 0) == Recipe(
        path="charts/service",
        release="shop-production",
        namespace="production",
        value_files=("apps/shop/values.yaml", "common.yaml"),
        values=('{"replicas": 2}',),
        set_values=("a=1",),
        set_texts=("b=2",),
    )


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ({"chart": "shop"}, "its source has `chart` settings of its own"),
        ({"kustomize": {"images": ["shop:1"]}}, "its source has `kustomize` settings of its own"),
        ({"helm": {"valueFiles": ["$values/a.yaml"]}}, "it has several sources"),
        ({"helm": {"fileParameters": [{"name": "a", "path": "b"}]}}, "its source has `fileParameters`"),
    ],
)
def test_what_only_argo_cd_can_render_is_said(source: dict[str, Any], reason: str) -> None:
    assert read_recipe(application(**source), 0) == reason

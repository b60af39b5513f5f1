"""How fast an edit of a large file is, against ruamel.yaml's load and dump of it; figures to print and compare."""

import io
import time
from collections.abc import Callable

import pytest
from ruamel.yaml import YAML

from tasks.domain.delivery.manifest import Manifest
from tasks.domain.image import ImageReference
from tasks.domain.manifest.formats import set_image

AIM = 10
LINES = 3000
IMAGE = ImageReference("registry.example/acme/shop-api", "f" * 40, f"sha256:{'b' * 64}")
OLD = f"sha256:{'a' * 64}"
APPLICATION = """\
kind: Application
metadata: {name: shop-api}
spec:
  source:
    helm:
      parameters:
"""


def helm_values(i: int) -> str:
    image = f"    repository: old/image-{i}\n    tag: '1.{i}'\n    digest: {OLD}\n"
    return f"service-{i}:  # number {i}\n  replicas: {i}\n  image:\n{image}"


def kustomize(i: int) -> str:
    return f"- name: service-{i} # number {i}\n  newName: old/image-{i}\n  newTag: '1.{i}'\n  digest: {OLD}\n"


def kubernetes(i: int) -> str:
    pod = f"      containers:\n        - name: service-{i} # number {i}\n          image: old/image:1.{i}@{OLD}\n"
    more = "          ports: [{containerPort: 8080}]\n"
    more += "          env:\n            - name: PORT\n              value: '80'\n"
    head = (
        f"---\napiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: service-{i}\nspec:\n  template:\n    spec:\n"
    )
    return head + pod + more


def application(i: int) -> str:
    parts = {"repository": f"old/image-{i}", "tag": f"'1.{i}'", "digest": OLD}
    items = (f"        - name: service-{i}.image.{part}\n          value: {old}\n" for part, old in parts.items())
    return "".join(items)


def values_in_braces(i: int) -> str:
    return f"service-{i}:\n  image: {{repository: old/image-{i}, tag: '1.{i}', digest: {OLD}}}\n  replicas: 1\n"


CASES: dict[str, tuple[str, str, Callable[[int], str]]] = {
    "helm-values": ("", "service-{}.image", helm_values),
    "kustomize": ("images:\n", "service-{}", kustomize),
    "manifest": ("", "service-{}", kubernetes),
    "application": (APPLICATION, "service-{}.image", application),
    # ruamel's C parser refuses these colons, so that its slower one has to read them.
    "helm-values, plain in braces": ("", "service-{}.image", values_in_braces),
}


def best(work: Callable[[], object], times: int) -> float:
    seconds = []
    for _ in range(times):
        began = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - began)
    return min(seconds)


def load_and_dump(text: str) -> None:
    yaml = YAML()
    out = io.StringIO()
    yaml.dump_all(list(yaml.load_all(text)), out)


@pytest.mark.benchmark
@pytest.mark.parametrize("case", CASES)
def test_an_edit_against_ruamel_s_load_and_dump(case: str) -> None:
    head, at, part = CASES[case]
    count = LINES // part(0).count("\n")
    text = head + "".join(map(part, range(count)))
    place = at.format(count // 2)
    manifest = Manifest(file="f", format=case.partition(",")[0], at=place)  # type: ignore[arg-type]
    edited = set_image(text, manifest, IMAGE, file="f")
    assert str(IMAGE.digest) in edited
    ours, theirs = best(lambda: set_image(text, manifest, IMAGE, file="f"), 9), best(lambda: load_and_dump(text), 3)
    line = (
        f"{theirs / ours:7.1f} times as fast as load and dump   {ours * 1000:6.1f} ms for {text.count(chr(10))} lines"
    )
    print(f"\n{line}   {case}   aim {AIM}")  # noqa: T201 - this is what a benchmark is for

"""The cluster refuses what it cannot take, as an API server would."""

from typing import Any

import pytest

from deployments.sandbox.cluster.admission import ApiError, admit


def deployment(container: dict[str, Any] | None = None, **changes: Any) -> dict[str, Any]:
    labels = {"app": "app"}
    pod = {"containers": [{"name": "app", "image": "registry.test/app:1"} | (container or {})]}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "app", "namespace": "staging"},
        "spec": {"selector": {"matchLabels": labels}, "template": {"metadata": {"labels": labels}, "spec": pod}},
    } | changes


def refusal(manifest: dict[str, Any], live: dict[str, Any] | None = None) -> tuple[int, str]:
    with pytest.raises(ApiError) as refused:
        admit(manifest, lambda *key: live)
    return refused.value.code, str(refused.value)


def test_what_only_the_server_writes_is_taken_out() -> None:
    metadata = {"name": "app", "uid": "mine", "resourceVersion": "7", "labels": {"a": "b"}}

    admitted = admit(deployment(metadata=metadata, status={"replicas": 9}), lambda *key: None)

    assert admitted["metadata"] == {"name": "app", "namespace": "default", "labels": {"a": "b"}}
    assert "status" not in admitted


@pytest.mark.parametrize(
    ("changes", "code", "complaint"),
    [
        ({"kind": "Ingress", "apiVersion": "networking.k8s.io/v1"}, 404, 'no matches for kind "Ingress" in version'),
        ({"apiVersion": "apps/v1beta1"}, 404, 'no matches for kind "Deployment" in version "apps/v1beta1"'),
        ({"metadata": {}}, 422, "metadata.name: Required value"),
        ({"metadata": {"name": "Big"}}, 422, 'metadata.name: Invalid value: "Big"'),
        ({"metadata": {"name": "app", "namespace": "../up"}}, 422, "metadata.namespace: Invalid value"),
        ({"metadata": {"name": "app", "labels": {"year": 2026}}}, 422, "metadata.labels.year: Invalid value: 2026"),
        ({"spec": {"selector": {"matchLabels": {"app": "other"}}}}, 422, "does not match template `labels`"),
        ({"spec": None}, 422, "spec: Required value"),
        ({"spec": {"template": []}}, 422, "spec.selector.matchLabels: Required value"),
        ({"spec": {"template": "x"}}, 400, 'Deployment in version "apps/v1" cannot be handled'),
        ({"metadata": []}, 422, "metadata.name: Required value"),
    ],
)
def test_a_manifest_that_cannot_be_taken_is_refused(changes: dict[str, Any], code: int, complaint: str) -> None:
    refused = refusal(deployment(**changes))

    assert refused[0] == code
    assert complaint in refused[1]


@pytest.mark.parametrize(
    ("container", "complaint"),
    [
        ({"image": "Not An Image"}, "containers[0].image: Invalid value"),
        ({"name": None}, "containers[0].name: Required value"),
        ({"command": "run me"}, "containers[0].command: Invalid value: must be a list of strings"),
        ({"args": [8080]}, "containers[0].args: Invalid value: must be a list of strings"),
        ({"env": [{"name": "COUNT", "value": 3}]}, "containers[0].env[0].value: Invalid value: 3: must be a string"),
        (
            {"env": [{"name": "X", "valueFrom": {"secretKeyRef": {}}}]},
            "env[0].valueFrom: a source that is no configMap",
        ),
        ({"volumeMounts": [{"name": "x"}]}, "containers[0].volumeMounts: is not supported by the sandbox's cluster"),
        ({"livenessProbe": {"exec": {}}}, "containers[0].livenessProbe: a probe without httpGet is not supported"),
    ],
)
def test_a_field_without_effect_here_is_refused_rather_than_ignored(container: dict[str, Any], complaint: str) -> None:
    code, message = refusal(deployment(container))

    assert code == 422
    assert complaint in message


@pytest.mark.parametrize("field", ["replicas", "progressDeadlineSeconds", "revisionHistoryLimit"])
@pytest.mark.parametrize("value", ["3", True, -1])
def test_a_number_must_be_one(field: str, value: object) -> None:
    wrong = deployment()
    wrong["spec"][field] = value

    assert refusal(wrong) == (
        422,
        f'Deployment "app" is invalid: spec.{field}: Invalid value: {value}: must be a number that is not negative',
    )


def test_a_probe_that_cannot_be_read_is_refused() -> None:
    probe = {"httpGet": {"path": "/"}, "periodSeconds": "often"}

    assert refusal(deployment({"readinessProbe": probe}))[0] == 400


def test_null_is_the_same_as_nothing() -> None:
    manifest = deployment({"command": None})
    manifest["spec"]["replicas"] = None

    admitted = admit(manifest, lambda *key: None)

    assert "replicas" not in admitted["spec"]
    assert "command" not in admitted["spec"]["template"]["spec"]["containers"][0]


def test_a_selector_cannot_change() -> None:
    changed = deployment()
    changed["spec"]["selector"] = {"matchLabels": {}}

    assert "field is immutable" in refusal(changed, deployment())[1]


def test_a_service_has_exactly_one_port_and_a_selector() -> None:
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "app"},
        "spec": {"ports": [{"port": 80}] * 2},
    }

    code, message = refusal(service)

    assert code == 422
    assert "spec.ports: Invalid value: exactly one port" in message
    assert "spec.selector: Required value" in message

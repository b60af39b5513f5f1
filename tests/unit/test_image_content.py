"""Two builds are the same image where files and settings are, whoever wrote them down and when."""

from tasks.domain.image_content import content_of

LAYERS = ["sha256:1", "sha256:2"]
OCI = {
    "created": "2026-01-01T00:00:00Z",
    "os": "linux",
    "architecture": "amd64",
    "config": {"User": "1000", "Env": ["A=1"], "Cmd": ["x"], "Labels": {"a": "b"}},
    "rootfs": {"type": "layers", "diff_ids": LAYERS},
    "history": [{"created": "2026-01-01T00:00:00Z"}],
}
INSPECTED = {
    "Created": "2027-01-01T00:00:00Z",
    "Os": "linux",
    "Architecture": "amd64",
    "Config": {"Hostname": "", "User": "1000", "Env": ["A=1"], "Cmd": ["x"], "Labels": {"a": "b"}, "Volumes": None},
    "RootFS": {"Type": "layers", "Layers": LAYERS},
}


def test_an_engine_and_a_registry_say_the_same_in_different_words() -> None:
    assert content_of(OCI) == content_of(INSPECTED)


def test_other_layers_or_another_setting_are_another_image() -> None:
    assert content_of(OCI | {"rootfs": {"diff_ids": LAYERS[:1]}}) != content_of(OCI)
    assert content_of(OCI | {"config": {**OCI["config"], "User": "0"}}) != content_of(OCI)  # type: ignore[dict-item]
    assert content_of(OCI | {"architecture": "arm64"}) != content_of(OCI)

"""Whatever is wrong from outside ends in a sentence that says what to do, and leaves nothing half-done."""

from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from prefect import State
from prefect.client.orchestration import get_client
from ruamel.yaml import YAML

from blocks.argocd import ArgoCDServer
from blocks.gitops import GitOpsRepository
from deployments.demo.platform import free_ports
from deployments.sandbox.changes import sample_files
from deployments.sandbox.first_release import build_first_release
from deployments.sandbox.world import APPLICATION, GITOPS, REPOSITORY, World
from tasks.domain.errors import ConfigurationError
from tasks.git_command import run_git
from tasks.retry import RETRY_DELAYS

NOWHERE = "f" * 40
ABSENT = f"sha256:{'f' * 64}"
FILE, EMPTY_FILE = f"apps/{APPLICATION}/values-preview.yaml", f"apps/{APPLICATION}/values-empty.yaml"


@pytest.fixture(scope="module")
def unchecked(world: World) -> dict[str, str]:
    """A commit and the digest of its image, as promote asks for them; its gates never ran."""
    return build_image_of_new_commit(world, "unchecked")


@pytest.fixture(scope="module")
def candidate(world: World) -> dict[str, str]:
    """Another one, whose gates have passed."""
    made = build_image_of_new_commit(world, "checked")
    url = f"{world.addresses.github}/api/v3/repos/{REPOSITORY}/statuses/{made['commit']}"
    access = {"Authorization": f"Bearer {world.addresses.github_token}"}
    httpx.post(url, json={"state": "success", "context": "tidegate"}, headers=access).raise_for_status()
    return made


def build_image_of_new_commit(world: World, branch: str) -> dict[str, str]:
    commit = world.github.commit(
        REPOSITORY,
        branch,
        sample_files() | {"NOTES": branch},
        f"Try something {branch}",
        author_name="Dana Developer",
        author_email="dana@acme.example",
    )
    build = configured(world)["build"]
    image = f"{world.addresses.registry.removeprefix('http://')}/{APPLICATION}"
    digest = build_first_release(world.addresses.engine, image, commit, build["arguments"]["BASE"])
    return {"commit": commit, "digest": digest}


def configured(world: World) -> dict[str, Any]:
    return YAML(typ="safe", pure=True).load(world.delivery_file)["applications"][APPLICATION]


@pytest.fixture(scope="module")
def files(world: World) -> None:
    """One environment's file that names an image, and one that does not."""
    image = f'image:\n  repository: registry.example/shop-api\n  tag: ""\n  digest: "{ABSENT}"\n'
    world.github.commit(
        GITOPS,
        "main",
        {FILE: image, EMPTY_FILE: "replicaCount: 1\n"},
        "Prepare previews",
        author_name="Pat Platform",
        author_email="pat@acme.example",
    )


@pytest.fixture(autouse=True)
def nothing_is_left_half_done(world: World, unchecked, candidate, files) -> Iterator[None]:
    def look() -> tuple[str | None, list[str]]:
        return world.github.repositories[GITOPS].git.head("main"), world.registry.tags(APPLICATION)

    before = look()
    yield
    assert look() == before


@pytest.fixture
def preview(world: World, configure) -> Callable[..., None]:
    """Configure one more environment; what is given replaces what would be right. Nobody has signed the candidate."""
    unsigned = {key: value for key, value in configured(world).items() if key != "proof"}

    def configuring(name: str = "preview", **given: Any) -> None:
        settings = {"argocd": {"application": "{application}-staging"}, "manifest": {"file": FILE}}
        configure("applications", **{APPLICATION: unsigned})
        configure("environments", **{name: settings | given})

    return configuring


@pytest.fixture
def impatient() -> Iterator[None]:
    """What may heal by itself is tried again at once."""
    delays = RETRY_DELAYS[:]
    RETRY_DELAYS[:] = [0.1] * len(delays)
    yield
    RETRY_DELAYS[:] = delays


def assert_fails(ended: State, *sentences: str) -> None:
    assert ended.type.value == "FAILED"
    for sentence in sentences:
        assert sentence in ended.message
    assert "Traceback" not in ended.message


def test_an_unknown_application_is_named_with_those_that_there_are(start, unchecked) -> None:
    sentence = "unknown application 'shop'; known: shop-api"
    assert_fails(start("integrate", application="shop", commit=unchecked["commit"]), sentence)
    assert_fails(start("promote", application="shop", environment="staging", **unchecked), sentence)
    assert_fails(start("roll-back", application="shop", environment="staging", reason="because"), sentence)


def test_an_unknown_environment_is_named_with_those_that_there_are(start, unchecked) -> None:
    sentence = "unknown environment 'live'; known: staging, production"
    assert_fails(start("promote", application=APPLICATION, environment="live", **unchecked), sentence)
    assert_fails(start("roll-back", application=APPLICATION, environment="live", reason="because"), sentence)


def test_a_commit_that_does_not_exist_cannot_be_integrated(start) -> None:
    ended = start("integrate", application=APPLICATION, commit=NOWHERE)
    assert_fails(ended, f"{REPOSITORY} has no commit {NOWHERE}; push it, or give one that was pushed")


def test_a_part_of_a_commit_is_not_enough(start, unchecked) -> None:
    ended = start("integrate", application=APPLICATION, commit=unchecked["commit"][:7])
    assert_fails(ended, "is not a full SHA; give all 40 hexadecimal digits")


def test_a_commit_that_does_not_exist_cannot_be_promoted(start, unchecked) -> None:
    parameters = unchecked | {"commit": NOWHERE}
    ended = start("promote", application=APPLICATION, environment="staging", **parameters)
    assert_fails(ended, f"{REPOSITORY} has no commit {NOWHERE}; push it, or give one that was pushed")


def test_a_digest_that_is_not_in_the_registry_cannot_be_promoted(start, candidate) -> None:
    parameters = candidate | {"digest": ABSENT}
    ended = start("promote", application=APPLICATION, environment="staging", **parameters)
    assert_fails(ended, f"{APPLICATION}@{ABSENT} is not in ", "push the image first, or build it again")


def test_a_digest_that_is_none_is_refused(start, candidate) -> None:
    ended = start("promote", application=APPLICATION, environment="staging", **candidate | {"digest": "latest"})
    assert_fails(ended, "'latest' is not a digest; use sha256: and 64 hexadecimal digits")


def test_an_image_of_another_commit_is_not_a_candidate(start, unchecked, candidate) -> None:
    parameters = candidate | {"digest": unchecked["digest"]}
    ended = start("promote", application=APPLICATION, environment="staging", **parameters)
    assert_fails(ended, f"the image was built from {unchecked['commit']}, not from {candidate['commit']}")
    assert ended.name == "Refused"


def test_a_commit_whose_gates_never_ran_is_not_a_candidate(start, unchecked) -> None:
    ended = start("promote", application=APPLICATION, environment="staging", **unchecked)
    assert_fails(ended, f"commit {unchecked['commit'][:7]} has no status 'tidegate' on GitHub; integrate it first")
    assert ended.name == "Refused"


def test_a_manifest_without_an_image_is_named(start, preview, candidate) -> None:
    preview(manifest={"file": EMPTY_FILE})
    ended = start("promote", application=APPLICATION, environment="preview", **candidate)
    assert_fails(ended, EMPTY_FILE, "'image'")


def test_a_manifest_that_is_not_there_is_named(start, preview, candidate) -> None:
    preview(manifest={"file": "apps/nothing.yaml"})
    ended = start("promote", application=APPLICATION, environment="preview", **candidate)
    assert_fails(ended, "apps/nothing.yaml: there is no such file on branch 'main' of ", "add it, or correct")


def test_a_gitops_repository_that_cannot_be_reached_is_named(start, preview, candidate, impatient) -> None:
    url = f"http://127.0.0.1:{free_ports(1)[0]}/acme/gitops.git"
    GitOpsRepository(url=url).save("gitops-gone", overwrite=True)
    preview(gitops="gitops-gone")
    ended = start("promote", application=APPLICATION, environment="preview", **candidate)
    assert_fails(ended, f"{url} cannot be reached: ", "check the address and the network")


def test_a_gitops_token_that_is_wrong_is_said_to_be(world: World, start, preview, candidate) -> None:
    url = f"{world.addresses.github}/{GITOPS}.git"
    GitOpsRepository(url=url, token="wrong").save("gitops-refused", overwrite=True)
    preview(gitops="gitops-refused")
    ended = start("promote", application=APPLICATION, environment="preview", **candidate)
    assert_fails(ended, f"{url} refuses the credentials; give the token the right to read its contents")
    assert "wrong" not in ended.message


@pytest.fixture
def argocd_with(world: World, preview) -> Callable[[str], None]:
    """Let the preview's Argo CD be asked with this token."""

    def configuring(token: str) -> None:
        ArgoCDServer(url=world.addresses.argocd, token=token).save("argocd-other", overwrite=True)
        preview(argocd={"application": "{application}-staging", "server": "argocd-other"})
        with get_client(sync_client=True) as client:
            client.upsert_global_concurrency_limit_by_name("environment:preview", 1)

    return configuring


def test_an_argo_cd_token_that_is_wrong_stops_before_anything_is_written(start, argocd_with, candidate) -> None:
    argocd_with("a.wrong.token")
    ended = start("promote", application=APPLICATION, environment="preview", **candidate)
    assert_fails(ended, "does not accept the token", "put a valid one into the block")
    assert "a.wrong.token" not in ended.message


def test_an_argo_cd_token_without_the_right_is_told_which(world: World, start, argocd_with, candidate) -> None:
    world.argocd.accounts.add("nobody", rights=())
    argocd_with(world.argocd.accounts.issue_token("nobody"))
    ended = start("promote", application=APPLICATION, environment="preview", **candidate)
    assert_fails(ended, "lacks the right `applications, get` on default/shop-api-staging", "grant it")


def test_a_block_that_was_never_registered_is_named(start, preview, candidate) -> None:
    preview(gitops="elsewhere")
    ended = start("promote", application=APPLICATION, environment="preview", **candidate)
    assert_fails(ended, "/elsewhere is not there; set its variables and run `tidegate register`")


def test_an_environment_whose_lock_was_never_registered_is_not_changed(start, preview, candidate) -> None:
    preview("brand-new")
    sentence = "the lock environment:brand-new cannot be taken; run `tidegate register`"
    assert_fails(start("promote", application=APPLICATION, environment="brand-new", **candidate), sentence)
    assert_fails(start("roll-back", application=APPLICATION, environment="brand-new", reason="because"), sentence)


def test_git_that_is_not_installed_is_said_to_be(tmp_path) -> None:
    with pytest.raises(ConfigurationError, match="git is not on the PATH of this worker; install it"):
        run_git("version", environment={"PATH": str(tmp_path)}, remote="acme/gitops")

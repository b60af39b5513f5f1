"""The same promotions over each kind of remote, with each kind of credentials; and signed commits."""

import os
import pwd
import shutil
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from pydantic import SecretStr, ValidationError

from blocks.github import GitHub
from blocks.gitops import GitOpsRepository
from deployments.demo.platform import free_ports
from deployments.sandbox.github.own_app import install_own_app
from deployments.sandbox.github.protocol import create_app
from deployments.sandbox.github.records import Permission
from deployments.sandbox.github.state import GitHubState
from deployments.sandbox.server import serve
from tasks.domain.delivery.manifest import Manifest
from tasks.domain.errors import AccessRefused, ConfigurationError
from tasks.domain.image import ImageReference
from tasks.domain.promotion.history import Change
from tasks.gitops import desired_state as gitops

IMAGE = "registry.example/acme/shop-api"
A, B = (f"sha256:{letter * 64}" for letter in "ab")
MANIFEST = Manifest(file="apps/shop-api/values-production.yaml")
REPOSITORY = "acme/gitops"
SSHD = shutil.which("sshd", path=f"{os.environ['PATH']}:/usr/sbin")

pytestmark = pytest.mark.usefixtures("bare_machine")
needs_sshd = pytest.mark.skipif(SSHD is None, reason="sshd is not installed (Debian: openssh-server)")


@dataclass(frozen=True)
class Key:
    """A key pair of OpenSSH's."""

    private: str
    public: str


def make_key(folder: Path, name: str, *, passphrase: str = "") -> Key:
    file = folder / name
    command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", passphrase, "-C", name, "-f", str(file)]
    subprocess.run(command, check=True)
    return Key(file.read_text(), file.with_suffix(".pub").read_text())


@dataclass(frozen=True)
class Host:
    """An sshd of this test's own, and what its clients need."""

    url: str
    key: Key
    known_hosts: str


@pytest.fixture
def ssh_host(remote, tmp_path: Path) -> Iterator[Host]:
    folder = tmp_path / "sshd"
    folder.mkdir(mode=0o700)
    (port,) = free_ports(1)
    host, user = make_key(folder, "host"), make_key(folder, "user")
    (folder / "authorized_keys").write_text(user.public)
    settings = {
        "ListenAddress": f"127.0.0.1:{port}",
        "HostKey": folder / "host",
        "AuthorizedKeysFile": folder / "authorized_keys",
        "PidFile": "none",
        "UsePAM": "no",
        "StrictModes": "no",
        "PasswordAuthentication": "no",
        "PermitRootLogin": "prohibit-password",
        # Without it, git speaks version 0 of its protocol, in which nobody may ask for a single file.
        "AcceptEnv": "GIT_PROTOCOL",
    }
    (folder / "config").write_text("".join(f"{name} {value}\n" for name, value in settings.items()))
    name = pwd.getpwuid(os.getuid()).pw_name
    with sshd(folder):
        yield Host(f"ssh://{name}@127.0.0.1:{port}{remote.bare}", user, f"[127.0.0.1]:{port} {host.public}")


@contextmanager
def sshd(folder: Path) -> Iterator[None]:
    # Root's sshd wants its folder for the separation of privileges.
    if os.getuid() == 0:
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
    with (folder / "log").open("wb") as log:
        command = [str(SSHD), "-D", "-e", "-f", str(folder / "config")]
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=log)
    try:
        deadline = time.monotonic() + 30
        while "Server listening" not in (folder / "log").read_text():
            assert process.poll() is None, (folder / "log").read_text()
            assert time.monotonic() < deadline
            time.sleep(0.02)
        yield
    finally:
        process.terminate()
        process.wait(20)


@pytest.fixture
def github(tmp_path: Path) -> Iterator[GitHubState]:
    state = GitHubState(tmp_path / "github")
    state.add_user("tidegate", token="right-token", email="bot@acme.example")
    state.create_repository(REPOSITORY)
    state.grant(REPOSITORY, "tidegate", Permission.WRITE)
    text = f"image:\n  repository: {IMAGE}\n  tag: v1\n  digest: {A} # it\n"
    who = {"author_name": "Ada", "author_email": "ada@example.com"}
    state.commit(REPOSITORY, "main", {MANIFEST.file: text}, "values", **who)
    with serve(create_app(state)) as url:
        state.web_url = url
        yield state


@pytest.fixture
def by_file(remote) -> GitOpsRepository:
    return remote.block


@pytest.fixture
def by_ssh(ssh_host: Host) -> GitOpsRepository:
    key = SecretStr(ssh_host.key.private.strip())
    return GitOpsRepository(url=ssh_host.url, ssh_key=key, ssh_known_hosts=ssh_host.known_hosts)


@pytest.fixture
def by_http(github: GitHubState) -> GitOpsRepository:
    return GitOpsRepository(url=f"{github.web_url}/{REPOSITORY}.git", token=SecretStr("right-token"))


@pytest.fixture
def by_app(github: GitHubState) -> GitOpsRepository:
    own = install_own_app(github, "tidegate-app", [REPOSITORY], {"contents": "write"})
    server = GitHub(
        api_url=f"{github.web_url}/api/v3",
        web_url=github.web_url,
        app_id=own.app.client_id,
        private_key=SecretStr(own.private_key),
    )
    return GitOpsRepository(url=f"{github.web_url}/{REPOSITORY}.git", github=server)


@pytest.fixture(params=["by_file", pytest.param("by_ssh", marks=needs_sshd), "by_http", "by_app"])
def block(request: pytest.FixtureRequest) -> GitOpsRepository:
    found: GitOpsRepository = request.getfixturevalue(request.param)
    return found


def write(block: GitOpsRepository, digest: str, expected: str | None = None) -> gitops.Written:
    change = Change("shop-api", "production", digest, source_commit="1" * 40)
    image = ImageReference(IMAGE, "v1", digest)
    return gitops.write_image.fn(block, MANIFEST, image, change, expected_digest=expected)


def test_every_kind_of_remote_is_read_written_and_asked_for_its_history(block: GitOpsRepository) -> None:
    before = gitops.read_desired_state.fn(block, MANIFEST)
    written = write(block, B)
    after = gitops.read_desired_state.fn(block, MANIFEST)
    assert (before.image, after.image) == tuple(ImageReference(IMAGE, "v1", digest) for digest in (A, B))
    assert (after.revision, written.changed) == (written.revision, True)
    assert write(block, B) == gitops.Written(written.revision, changed=False)
    assert gitops.contains.fn(block, before.revision, written.revision) is True
    assert gitops.image_at.fn(block, MANIFEST, f"{written.revision}^") == before.image
    [change] = gitops.read_history.fn(block, "shop-api", "production")
    assert change.revision == written.revision


@needs_sshd
def test_a_server_that_hands_out_no_single_file_is_told_how_to(by_ssh: GitOpsRepository, tmp_path: Path) -> None:
    settings = tmp_path / "sshd" / "config"
    settings.write_text(settings.read_text().replace("AcceptEnv GIT_PROTOCOL\n", ""))
    (port,) = free_ports(1)
    own = str(by_ssh.url).partition("127.0.0.1:")[2].partition("/")[0]
    settings.write_text(settings.read_text().replace(own, str(port)))
    block = by_ssh.model_copy(
        update={
            "url": by_ssh.url.replace(own, str(port)),
            "ssh_known_hosts": str(by_ssh.ssh_known_hosts).replace(own, str(port)),
        }
    )
    with sshd(tmp_path / "sshd"), pytest.raises(ConfigurationError, match="for sshd: AcceptEnv GIT_PROTOCOL"):
        write(block, B)


@needs_sshd
def test_a_host_that_shows_another_key_is_not_spoken_to(by_ssh: GitOpsRepository, tmp_path: Path) -> None:
    other = make_key(tmp_path, "other").public
    where = str(by_ssh.ssh_known_hosts).partition(" ")[0]
    changed = by_ssh.model_copy(update={"ssh_known_hosts": f"{where} {other}"})
    with pytest.raises(AccessRefused, match="shows a host key that is not among the known hosts"):
        write(changed, B)


@needs_sshd
def test_a_key_that_the_host_does_not_let_in_is_said_to_be_that(by_ssh: GitOpsRepository, tmp_path: Path) -> None:
    stranger = by_ssh.model_copy(update={"ssh_key": SecretStr(make_key(tmp_path, "stranger").private)})
    with pytest.raises(AccessRefused, match="refuses the SSH key; give it the right to read"):
        write(stranger, B)


def test_a_key_for_ssh_without_known_hosts_is_refused_and_not_repeated(tmp_path: Path) -> None:
    key = make_key(tmp_path, "user").private
    with pytest.raises(ValidationError, match="a key for SSH needs the known hosts") as refusal:
        GitOpsRepository(url="git@github.com:acme/gitops.git", ssh_key=SecretStr(key))
    assert key.splitlines()[1] not in str(refusal.value)


def test_the_app_s_token_is_for_the_gitops_repository_and_may_only_write_contents(
    github: GitHubState, by_app: GitOpsRepository
) -> None:
    write(by_app, B)
    [token] = github.app_tokens()
    assert token.repositories == {REPOSITORY}
    assert token.rights == {"metadata": "read", "contents": "write"}


def test_a_token_is_not_sent_to_another_server_than_its_own(by_app: GitOpsRepository) -> None:
    elsewhere = by_app.model_copy(update={"url": f"http://127.0.0.1:9/{REPOSITORY}.git"})
    with elsewhere.open_git() as environment:
        assert not any("Authorization" in value for value in environment.values())


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("https://github.com/acme/gitops.git", "acme/gitops"),
        ("https://github.com/acme/gitops/", "acme/gitops"),
        ("ssh://git@github.com/acme/gitops.git", "acme/gitops"),
        ("git@github.com:acme/gitops.git", "acme/gitops"),
        ("file:///srv/git/acme/gitops.git", None),
        ("https://git.example.com/gitops.git", None),
    ],
)
def test_the_repository_s_name_on_github_stands_in_its_address(url: str, name: str | None) -> None:
    assert GitOpsRepository(url=url).name_on_github == name


def test_commits_are_signed_where_the_block_has_a_key(block: GitOpsRepository, tmp_path: Path) -> None:
    key = make_key(tmp_path, "signing")
    signing = block.model_copy(update={"signing_key": SecretStr(key.private)})
    written = [write(signing, digest).revision for digest in (B, A)]
    (tmp_path / "allowed").write_text(f'tidegate namespaces="git" {key.public}')
    folder = tmp_path / "verified"
    with block.open_git() as environment:
        subprocess.run(["git", "clone", "-q", block.url, str(folder)], env=environment, check=True)
        for revision in written:
            command = ["git", "-c", f"gpg.ssh.allowedSignersFile={tmp_path / 'allowed'}", "verify-commit", revision]
            said = subprocess.run(command, cwd=folder, env=environment, check=True, capture_output=True, text=True)
            assert 'Good "git" signature for tidegate' in said.stderr
        unsigned = subprocess.run(["git", "verify-commit", f"{written[0]}^"], cwd=folder, env=environment, check=False)
    assert unsigned.returncode != 0
    assert [change.revision for change in gitops.read_history.fn(block, "shop-api", "production")] == written[::-1]


def test_a_key_that_cannot_sign_writes_nothing_and_says_what_is_wrong(
    by_file: GitOpsRepository, remote, tmp_path: Path
) -> None:
    before = remote.head()
    for bad in (make_key(tmp_path, "locked", passphrase="secret-word").private, "not a key"):
        block = by_file.model_copy(update={"signing_key": SecretStr(bad)})
        with pytest.raises(ConfigurationError, match=r"cannot be signed .*; put a private SSH key without") as refusal:
            write(block, B)
        assert "secret-word" not in str(refusal.value)
    assert remote.head() == before


@needs_sshd
def test_no_key_is_seen_in_a_command_line_or_left_in_a_file(by_ssh: GitOpsRepository, remote, tmp_path: Path) -> None:
    """While the server holds the push up, every process of this machine is looked at, and every file that it names."""
    signing = make_key(tmp_path, "signing").private
    block = by_ssh.model_copy(update={"signing_key": SecretStr(signing)})
    assert by_ssh.ssh_key is not None
    secrets = [text.splitlines()[2].encode() for text in (signing, by_ssh.ssh_key.get_secret_value())]
    remote.hook("pre-receive", f"touch {tmp_path}/waits; while ! test -e {tmp_path}/seen; do sleep 0.05; done")
    writer = threading.Thread(target=write, args=(block, B))
    writer.start()
    while not (tmp_path / "waits").exists():
        assert writer.is_alive()
        time.sleep(0.02)
    commands = [file.read_bytes() for file in Path("/proc").glob("[0-9]*/cmdline") if readable(file)]
    ssh = next(command for command in commands if command.startswith(b"ssh\0") and b"tidegate-" in command)
    folder = Path(ssh.split(b"\0-i\0")[1].split(b"\0")[0].decode()).parent
    modes = {file.name: oct(file.stat().st_mode & 0o777) for file in (folder, *folder.iterdir())}
    (tmp_path / "seen").touch()
    writer.join()
    assert not [command for command in commands if any(secret in command for secret in secrets)]
    assert set(modes.values()) == {"0o600", "0o700"}
    assert not folder.exists()


def readable(file: Path) -> bool:
    try:
        return bool(file.read_bytes())
    except OSError:
        return False

"""A GitOps repository as its server has it, and a machine without git settings of its own."""

import os
import subprocess
from pathlib import Path

import pytest

from blocks.gitops import GitOpsRepository

IMAGE = "registry.example/acme/shop-api"
FILE = "apps/shop-api/values-production.yaml"


class Remote:
    """A bare repository as the GitOps server has it, and a second person's clone of it."""

    def __init__(self, root: Path) -> None:
        self.bare, self.clone = root / "gitops.git", root / "clone"
        self.url = self.bare.as_uri()
        run("git", "init", "--quiet", "--bare", "--initial-branch=main", str(self.bare), cwd=root)
        run("git", "-C", str(self.bare), "config", "uploadpack.allowFilter", "true", cwd=root)
        run("git", "clone", "--quiet", self.url, str(self.clone), cwd=root)

    @property
    def block(self) -> GitOpsRepository:
        return GitOpsRepository(url=self.url, committer_name="Tidegate", committer_email="bot@example.com")

    def git(self, *arguments: str) -> str:
        return run("git", *arguments, cwd=self.bare)

    def head(self) -> str:
        return self.git("rev-parse", "refs/heads/main").strip()

    def show(self, path: str = FILE, revision: str = "main") -> str:
        return self.git("show", f"{revision}:{path}")

    def subjects(self) -> list[str]:
        return self.git("log", "--format=%s", "main").splitlines()

    def commit(
        self, path: str, content: str | bytes, subject: str = "by hand", *, branch: str = "main", mode: int = 0o644
    ) -> str:
        """Somebody else's commit, pushed to the branch."""
        run("git", "fetch", "--quiet", "origin", cwd=self.clone)
        if run("git", "branch", "--remotes", "--list", "origin/main", cwd=self.clone):
            run("git", "reset", "--quiet", "--hard", "origin/main", cwd=self.clone)
        file = self.clone / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
        file.chmod(mode)
        run("git", "add", "--all", cwd=self.clone)
        run("git", "commit", "--quiet", "-m", subject, cwd=self.clone)
        run("git", "push", "--quiet", "origin", f"HEAD:refs/heads/{branch}", cwd=self.clone)
        return run("git", "rev-parse", "HEAD", cwd=self.clone).strip()

    def hook(self, name: str, script: str) -> None:
        path = self.bare / "hooks" / name
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)


def run(*command: str, cwd: Path) -> str:
    identity = {f"GIT_{who}_{what}": "ada@example.com" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    environment = {"PATH": os.environ["PATH"], "HOME": str(cwd), "GIT_CONFIG_NOSYSTEM": "1"} | identity
    return subprocess.run(command, cwd=cwd, env=environment, check=True, capture_output=True).stdout.decode()


@pytest.fixture
def bare_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("TIDEGATE_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)


@pytest.fixture
def empty_remote(tmp_path: Path) -> Remote:
    return Remote(tmp_path)


@pytest.fixture
def remote(empty_remote: Remote) -> Remote:
    """With one file, which names the digest of 64 times `a`."""
    empty_remote.commit("README.md", "The desired state.\n", "first")
    empty_remote.commit(FILE, values("a"), "values")
    return empty_remote


def values(letter: str) -> str:
    digest = f"sha256:{letter * 64}"
    return f"# production\nreplicas: 3\nimage:\n  repository: {IMAGE}\n  tag: v1\n  digest: {digest} # it\n"

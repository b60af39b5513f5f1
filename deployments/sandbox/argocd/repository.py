"""Reads GitOps repositories through bare mirrors, with the git command line: the stand-in's repo-server."""

import hashlib
import os
import re
import subprocess
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from deployments.sandbox.argocd.clock import timestamp

FULL_SHA = re.compile(r"[0-9a-f]{40}")
_CREDENTIALS = re.compile(r"//[^/@\s]*@")
_REGULAR_FILES = ("100644", "100755")
_KEPT_TREES = 16
_HYDRATOR = {
    f"GIT_{who}_{what}": value
    for who in ("AUTHOR", "COMMITTER")
    for what, value in (("NAME", "Argo CD"), ("EMAIL", "argo-cd@example.com"))
}


class RepositoryError(Exception):
    """Git could not answer; the message is git's, without credentials."""


@dataclass(frozen=True, slots=True)
class Revision:
    """Who made a commit, when (RFC 3339, UTC), and with which words."""

    author: str
    date: str
    message: str


class Repositories:
    """Mirrors in `folder`; `environments` says, by URL prefix, what git is given to reach a repository."""

    def __init__(self, folder: Path, environments: Mapping[str, Mapping[str, str]]) -> None:
        self._folder = folder
        self._environments = environments
        self._lock = threading.RLock()
        self._trees: dict[tuple[str, str], dict[str, str]] = {}

    def resolve(self, url: str, revision: str) -> str:
        """The commit that a branch, a tag or HEAD names at the remote now; a full SHA is taken at its word."""
        if FULL_SHA.fullmatch(revision):
            return revision
        names = ["HEAD"] if revision in ("", "HEAD") else _candidates(revision)
        answer = self._git(url, "ls-remote", "--", url, *names)
        # Patterns match tails too: refs/heads/main also finds refs/heads/old/refs/heads/main.
        found = {name: sha for sha, _, name in (line.partition("\t") for line in answer.splitlines())}
        for name in names:
            if name in found:
                return found[name]
        raise RepositoryError(f"unable to resolve '{revision}' to a commit SHA")

    def files(self, url: str, commit: str) -> Mapping[str, str]:
        """Every regular UTF-8 file of the commit, by its path; raises RepositoryError where there is no such commit."""
        with self._lock:
            if (url, commit) not in self._trees:
                mirror = self._mirror_with(url, commit)
                while len(self._trees) >= _KEPT_TREES:
                    del self._trees[next(iter(self._trees))]
                self._trees[url, commit] = self._read_tree(url, mirror, commit)
            return self._trees[url, commit]

    def revision(self, url: str, commit: str) -> Revision:
        """What the commit says about itself."""
        with self._lock:
            mirror = self._mirror_with(url, commit)
            answer = self._git(url, "-C", str(mirror), "show", "-s", "--format=%an <%ae>%x00%ct%x00%B", commit, "--")
        author, committed, message = answer.split("\0", 2)
        return Revision(author, timestamp(datetime.fromtimestamp(int(committed), UTC)), message.strip())

    def commit_manifests(
        self, url: str, branch: str, manifests: Mapping[str, str], beside: Mapping[str, str], message: str
    ) -> str:
        """Push the files to the branch, which is born if need be; nothing is pushed where the manifests are the same.

        Returns the commit at the branch's tip then.
        """
        with self._lock:
            names = self._git(url, "ls-remote", "--", url, f"refs/heads/{branch}").split()
            head = names[0] if names else None
            mirror = self._mirror_with(url, head or self.resolve(url, "HEAD"))
            if head and all(self.files(url, head).get(path) == text for path, text in manifests.items()):
                return head
            index = {"GIT_INDEX_FILE": str(mirror / "hydrator.index")}
            if head:
                self._run(url, ["-C", str(mirror), "read-tree", head], settings=index)
            else:
                self._run(url, ["-C", str(mirror), "read-tree", "--empty"], settings=index)
            for path, text in {**manifests, **beside}.items():
                blob = self._run(url, ["-C", str(mirror), "hash-object", "-w", "--stdin"], text.encode()).decode()
                entry = f"100644 {blob.strip()}\t{path}\n".encode()
                self._run(url, ["-C", str(mirror), "update-index", "--index-info"], entry, settings=index)
            tree = self._run(url, ["-C", str(mirror), "write-tree"], settings=index).decode().strip()
            parents = ["-p", head] if head else []
            commit = self._run(
                url, ["-C", str(mirror), "commit-tree", tree, *parents], message.encode(), settings=_HYDRATOR
            )
            self._git(url, "-C", str(mirror), "push", "--quiet", url, f"{commit.decode().strip()}:refs/heads/{branch}")
            return commit.decode().strip()

    def _mirror_with(self, url: str, commit: str) -> Path:
        if not FULL_SHA.fullmatch(commit):
            raise RepositoryError(f"'{commit}' is not a commit SHA")
        mirror = self._folder / f"{hashlib.sha256(url.encode()).hexdigest()[:16]}.git"
        if not mirror.exists():
            self._git(url, "init", "--quiet", "--bare", "--", str(mirror))
        try:
            self._git(url, "-C", str(mirror), "cat-file", "-e", f"{commit}^{{commit}}")
        except RepositoryError:
            everything = ("+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*")
            self._git(url, "-C", str(mirror), "fetch", "--quiet", "--prune", "--", url, *everything)
            self._git(url, "-C", str(mirror), "cat-file", "-e", f"{commit}^{{commit}}")
        return mirror

    def _read_tree(self, url: str, mirror: Path, commit: str) -> dict[str, str]:
        listing = self._git(url, "-C", str(mirror), "ls-tree", "-r", "-z", "--full-tree", commit)
        entries = [entry.partition("\t") for entry in listing.split("\0") if entry]
        blobs = {path: about.split()[2] for about, _, path in entries if about.split()[0] in _REGULAR_FILES}
        batch = self._run(url, ["-C", str(mirror), "cat-file", "--batch"], "\n".join(blobs.values()).encode())
        files = {}
        for path in blobs:
            head, _, batch = batch.partition(b"\n")
            size = int(head.split()[2])
            content, batch = batch[:size], batch[size + 1 :]
            try:
                files[path] = content.decode()
            except UnicodeDecodeError:
                continue  # No manifest and no values file is binary.
        return files

    def _git(self, url: str, *arguments: str) -> str:
        return self._run(url, list(arguments)).decode(errors="replace")

    def _run(
        self, url: str, arguments: list[str], sent: bytes = b"", *, settings: Mapping[str, str] | None = None
    ) -> bytes:
        environment = _clean_environment(self._folder) | self._environment_of(url) | dict(settings or {})
        try:
            done = subprocess.run(
                ["git", *arguments], input=sent, capture_output=True, env=environment, timeout=30, check=False
            )
        except subprocess.TimeoutExpired as error:
            raise RepositoryError("git did not answer within 30 seconds") from error
        if done.returncode:
            raise RepositoryError(_CREDENTIALS.sub("//", done.stderr.decode(errors="replace")).strip())
        return done.stdout

    def _environment_of(self, url: str) -> dict[str, str]:
        prefixes = [p for p in self._environments if url == p or url.startswith(p.rstrip("/") + "/")]
        return dict(self._environments[max(prefixes, key=len)]) if prefixes else {}


def _candidates(revision: str) -> list[str]:
    if revision.startswith("refs/"):
        return [revision]
    # The peeled name first: an annotated tag's own object is not a commit.
    return [f"refs/heads/{revision}", f"refs/tags/{revision}^{{}}", f"refs/tags/{revision}"]


def _clean_environment(home: Path) -> dict[str, str]:
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": str(home),
        "LC_ALL": "C.UTF-8",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_TERMINAL_PROMPT": "0",
        # No ext:: or ssh: a repository URL from a manifest must not start a program.
        "GIT_ALLOW_PROTOCOL": "file:http:https",
    }

"""A cache is kept by lock file: whole, bounded, and out of reach of whoever only reads it."""

import threading
import time
from pathlib import Path

import pytest

from tasks.checks.cache import CachePlace, cache_key, keep_cache, restore_cache


@pytest.fixture
def place(tmp_path: Path) -> CachePlace:
    return CachePlace(tmp_path / "kept", "shop", "go", "a" * 32)


def other(place: CachePlace, key: str, owner: str = "shop") -> CachePlace:
    return CachePlace(place.root, owner, place.toolchain, key * 32)


def fetched(folder: Path, content: str, size: int = 0) -> Path:
    (folder / "pkg").mkdir(parents=True)
    (folder / "pkg" / "mod").write_text(content + "x" * size)
    return folder


def content_of(place: CachePlace, into: Path) -> tuple[str, str]:
    said = restore_cache(place, into)
    file = into / "pkg" / "mod"
    return said, file.read_text() if file.exists() else ""


def test_the_key_changes_with_every_lock_file_and_with_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "go.sum").write_text("one")
    (tmp_path / "node_modules").mkdir()
    before = cache_key(tmp_path, "go")
    (tmp_path / "main.go").write_text("package main")
    (tmp_path / "node_modules" / "go.sum").write_text("other")
    (tmp_path / "linked").mkdir()
    (tmp_path / "linked" / "go.sum").symlink_to("/etc/passwd")
    assert cache_key(tmp_path, "go") == before
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "go.sum").write_text("two")
    nested = cache_key(tmp_path, "go")
    assert nested != before
    (tmp_path / "go.sum").write_text("three")
    assert cache_key(tmp_path, "go") != nested
    assert cache_key(tmp_path, "node") != cache_key(tmp_path, "python")


def test_what_was_kept_is_there_for_the_same_lock_files_and_helps_with_others(
    place: CachePlace, tmp_path: Path
) -> None:
    assert content_of(place, tmp_path / "1") == ("cold: nothing is kept", "")
    assert keep_cache(place, fetched(tmp_path / "source", "first"))
    assert content_of(place, tmp_path / "2") == ("warm", "first")
    assert content_of(other(place, "b"), tmp_path / "3") == ("warm: kept for other lock files", "first")
    assert content_of(other(place, "a", "another"), tmp_path / "4") == ("cold: nothing is kept", "")


def test_what_is_there_already_is_not_kept_again(place: CachePlace, tmp_path: Path) -> None:
    assert keep_cache(place, fetched(tmp_path / "first", "first"))
    assert not keep_cache(place, fetched(tmp_path / "second", "second"))
    assert content_of(place, tmp_path / "1") == ("warm", "first")
    (tmp_path / "empty").mkdir()
    assert not keep_cache(other(place, "b"), tmp_path / "empty")


def test_a_run_can_do_what_it_likes_with_its_copy(place: CachePlace, tmp_path: Path) -> None:
    keep_cache(place, fetched(tmp_path / "source", "good"))
    restore_cache(place, tmp_path / "mine")
    with (tmp_path / "mine" / "pkg" / "mod").open("r+") as file:
        file.write("EVIL")
    (tmp_path / "mine" / "pkg" / "more").write_text("EVIL")
    assert content_of(place, tmp_path / "theirs") == ("warm", "good")
    assert not (tmp_path / "theirs" / "pkg" / "more").exists()


def test_above_the_limit_what_was_not_used_longest_is_forgotten(place: CachePlace, tmp_path: Path) -> None:
    for key in "abc":
        keep_cache(other(place, key), fetched(tmp_path / key, key, size=1000), limit_bytes=10_000)
        time.sleep(0.02)
    restore_cache(other(place, "a"), tmp_path / "used")
    time.sleep(0.02)
    keep_cache(other(place, "d", "another"), fetched(tmp_path / "d", "d", size=1000), limit_bytes=2500)
    kept = {used.parent.name[0] for used in place.root.glob("*/*/*/used")}
    assert kept == {"a", "d"}


def test_runs_at_the_same_time_see_whole_caches_only(place: CachePlace, tmp_path: Path) -> None:
    for number in range(8):
        fetched(tmp_path / f"source{number}", f"{number}", size=200_000)
    seen: list[str] = []

    def work(number: int) -> None:
        keep_cache(place, tmp_path / f"source{number}", limit_bytes=150_000 if number % 3 else 10**9)
        said, content = content_of(place, tmp_path / f"into{number}")
        if said != "cold: nothing is kept":
            seen.append(content)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(len(content) == 200_001 for content in seen)
    assert not list(place.root.glob("unfinished-*"))

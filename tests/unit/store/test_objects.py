from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from obstore.store import MemoryStore

from cityledger.errors import ConfigurationError, NotFoundError, StorageFullError, UnavailableError
from cityledger.store.objects import Objects


@pytest.fixture
def objects(tmp_path: Path) -> Objects:
    return Objects.open(f"file://{tmp_path / 'objects'}")


def _files(tmp_path: Path) -> list[str]:
    return sorted(path.name for path in tmp_path.rglob("*") if path.is_file())


@settings(max_examples=30, deadline=None)
@given(chunks=st.lists(st.binary(max_size=200_000), max_size=6))
def test_get_gives_back_what_put_took(tmp_path_factory: pytest.TempPathFactory, chunks: list[bytes]) -> None:
    objects = Objects.open(f"file://{tmp_path_factory.mktemp('store')}")

    assert objects.put("a/b", iter(chunks)) == sum(map(len, chunks))

    assert b"".join(objects.get("a/b")) == b"".join(chunks)


def test_put_syncs_the_file_and_every_folder_above_it(
    objects: Objects, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[str] = []
    monkeypatch.setattr(
        os, "fsync", lambda handle: synced.append(str(Path(f"/proc/self/fd/{handle}").readlink()))
    )

    objects.put("parts/one", [b"x"])

    store = tmp_path / "objects"
    assert synced == [str(store / "parts/one"), str(store / "parts"), str(store)]


def test_put_leaves_nothing_when_its_source_fails(objects: Objects, tmp_path: Path) -> None:
    def cut_off() -> Iterator[bytes]:
        yield bytes(9_000_000)
        raise OSError("the sender went away")

    with pytest.raises(OSError, match="the sender went away"):
        objects.put("one", cut_off())

    assert _files(tmp_path) == []


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting a small file system takes root")
def test_put_into_a_full_store_leaves_nothing_and_says_so(tmp_path: Path) -> None:
    folder = tmp_path / "small"
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(folder)], check=False)
    if mounted.returncode:
        pytest.skip("this machine does not let a test mount a file system")
    try:
        objects = Objects.open(f"file://{folder}")
        with pytest.raises(StorageFullError):
            objects.put("one", (bytes(65_536) for _ in range(200)))
        assert _files(folder) == []
        _wait_for_room(folder)
        assert objects.put("two", [b"small"]) == 5
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def _wait_for_room(folder: Path) -> None:
    """The removed file keeps its room until the last of the store's writers has closed it."""
    deadline = time.monotonic() + 30
    while os.statvfs(folder).f_bavail == 0 and time.monotonic() < deadline:
        os.sched_yield()


def test_get_of_what_is_not_there_is_not_found(objects: Objects) -> None:
    with pytest.raises(NotFoundError):
        list(objects.get("none"))


def test_delete_removes_and_may_be_repeated(objects: Objects, tmp_path: Path) -> None:
    objects.put("one", [b"x"])

    objects.delete("one")
    objects.delete("one")

    assert _files(tmp_path) == []


def test_list_tells_each_object_below_a_prefix(objects: Objects) -> None:
    objects.put("parts/one", [b"x"])
    objects.put("parts/two", [b"xyz"])
    objects.put("imports/three", [b""])

    listed = {one.key: one.sealed_bytes for one in objects.list("parts/")}

    assert listed == {"parts/one": 1, "parts/two": 3}


def test_errors_never_show_a_path(objects: Objects, tmp_path: Path) -> None:
    (tmp_path / "objects" / "blocked").write_bytes(b"")

    with pytest.raises(UnavailableError) as refused:
        objects.put("blocked/one", [b"x"])

    assert str(tmp_path) not in str(refused.value)


@pytest.mark.parametrize("url", ["", "nonsense", "gopher://x/y", "file:///proc/none/such"])
def test_open_refuses_what_is_no_store(url: str) -> None:
    with pytest.raises(ConfigurationError, match="object_store_url"):
        Objects.open(url)


def test_store_that_is_no_directory_keeps_and_sweeps_too() -> None:
    objects, now = Objects(MemoryStore(), None), datetime.now(UTC)
    objects.put("parts/one", [b"x" * 7_000_000, b"y"])
    objects.put("parts/two", [b"z"])

    assert b"".join(objects.get("parts/one")) == b"x" * 7_000_000 + b"y"
    assert objects.head("parts/one", 3) == b"xxx"
    assert objects.sweep("parts/", now + timedelta(hours=2), lambda _key: False) == 0  # clocks may differ
    assert objects.sweep("parts/", now + timedelta(days=2), lambda key: key == "parts/one") == 1
    assert [one.key for one in objects.list("parts/")] == ["parts/one"]


def test_put_may_be_fed_from_another_object(objects: Objects) -> None:
    objects.put("one", [bytes(12_000_000)])

    objects.put("two", (chunk[::-1] for chunk in objects.get("one")))

    assert sum(map(len, objects.get("two"))) == 12_000_000


def test_head_of_what_is_not_there_is_not_found(objects: Objects) -> None:
    with pytest.raises(NotFoundError):
        objects.head("none", 4)

"""Killed while the disk is full: nothing is half-written, and it resumes when there is space again."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from cityledger.errors import CityledgerError, StorageFullError
from crash.nursery import Nursery
from crash.oracle import Oracle
from crash.town import copied_town
from support.store.databases import fresh_database_url

pytestmark = [pytest.mark.chain, pytest.mark.slow]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 8 MB in memory."""
    if os.geteuid() != 0 or shutil.which("mount") is None:
        pytest.skip("only root can mount a small disk")
    path = tmp_path / "disk"
    path.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(path)],
        capture_output=True,
        text=True,
        check=False,
    )
    if mounted.returncode != 0:
        pytest.skip(f"no small disk can be mounted here: {mounted.stderr.strip()}")
    yield path
    subprocess.run(["umount", "--lazy", str(path)], check=True)


def test_disk_full_a_write_is_refused_and_after_the_kill_there_is_no_half_of_it(
    small_disk: Path, founded: Path, tmp_path: Path, nursery: Nursery, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SQLite only: where PostgreSQL keeps its files is its server's business, not this process's."""
    monkeypatch.setenv("CITYLEDGER_TEST_DATABASE", "sqlite")
    with copied_town(founded, tmp_path, fresh_database_url(small_disk), nursery) as town:
        oracle = Oracle(town)
        town.node.serve()
        town.write("title-1")
        filler = small_disk / "filler"
        fill(filler)
        with pytest.raises(StorageFullError):
            for number in range(200):
                town.write(f"title-{number + 2}")
        town.node.kill()

        filler.unlink()
        town.node.serve()
        with pytest.raises(CityledgerError):
            town.read("title-never")
        town.write("title-after")
        oracle.await_anchored()
        oracle.judge()
        oracle.close()


def fill(path: Path) -> None:
    """Takes every byte that is left."""
    with path.open("wb", buffering=0) as file:
        for size in (65_536, 512):
            try:
                while True:
                    file.write(bytes(size))
            except OSError:
                pass

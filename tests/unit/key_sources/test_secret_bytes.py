from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from cityledger.errors import KeyringError
from cityledger.key_sources import secret_bytes
from cityledger.key_sources.secret_bytes import read_secret
from cityledger.key_sources.source import KeySource

KEY = bytes(range(200, 232))


def file_source(folder: Path, data: bytes, mode: int = 0o600) -> KeySource:
    (folder / "key").write_bytes(data)
    (folder / "key").chmod(mode)
    return KeySource("file", "key")


def command(script: str) -> KeySource:
    return KeySource("command", f'{sys.executable} -c "{script}"')


@pytest.mark.parametrize("data", [KEY, KEY.hex().encode(), b" 0x" + KEY.hex().upper().encode() + b"\n"])
def test_read_secret_accepts_bytes_and_hex(tmp_path: Path, data: bytes) -> None:
    assert read_secret(file_source(tmp_path, data), tmp_path) == KEY


@pytest.mark.parametrize("data", [b"", KEY[:31], KEY + b"\n", KEY.hex().encode()[:-1], b"zz" * 32])
def test_read_secret_refuses_what_is_not_a_key_and_repeats_nothing(tmp_path: Path, data: bytes) -> None:
    with pytest.raises(KeyringError) as refused:
        read_secret(file_source(tmp_path, data), tmp_path)
    assert str(refused.value) == "the key file must be 32 bytes or 64 hex digits"
    assert refused.value.__context__ is None or KEY.hex() not in str(refused.value.__context__)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644])
def test_read_secret_refuses_a_file_that_others_may_read(tmp_path: Path, mode: int) -> None:
    with pytest.raises(KeyringError, match="readable by others"):
        read_secret(file_source(tmp_path, KEY, mode), tmp_path)


def test_read_secret_checks_the_mode_of_the_file_that_it_reads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not of another that had the name a moment before."""
    source, stat = file_source(tmp_path, KEY), Path.stat

    def then_exchanged(path: Path, **more: bool) -> os.stat_result:
        seen = stat(path, **more)
        (tmp_path / "other").write_bytes(bytes(32))
        (tmp_path / "other").replace(path)
        return seen

    monkeypatch.setattr(Path, "stat", then_exchanged)
    assert read_secret(source, tmp_path) == KEY


def test_read_secret_names_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(KeyringError, match="key cannot be read: No such file"):
        read_secret(KeySource("file", "key"), tmp_path)


def test_read_secret_takes_what_a_command_prints(tmp_path: Path) -> None:
    assert read_secret(command(f"print('{KEY.hex()}')"), tmp_path) == KEY


def test_read_secret_runs_no_shell(tmp_path: Path) -> None:
    with pytest.raises(KeyringError, match="must be 32 bytes or 64 hex digits"):
        read_secret(KeySource("command", f"echo {KEY.hex()} ; touch made"), tmp_path)
    assert not (tmp_path / "made").exists()


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        (command(f"print('{KEY.hex()}'); raise SystemExit(3)"), "exit code 3"),
        (KeySource("command", "no-such-program"), "cannot be started: No such file"),
        (KeySource("command", "show 'key"), "open quotation mark"),
        (KeySource("web3signer", "http://127.0.0.1:1"), "cannot come from web3signer"),
    ],
)
def test_read_secret_refuses_a_failed_command(tmp_path: Path, source: KeySource, reason: str) -> None:
    with pytest.raises(KeyringError, match=reason):
        read_secret(source, tmp_path)


def test_read_secret_waits_for_a_command_only_so_long(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(secret_bytes, "_COMMAND_SECONDS", 0.2)
    with pytest.raises(KeyringError, match="did not end") as refused:
        read_secret(command("import signal; signal.pause()"), tmp_path)
    assert refused.value.__cause__ is None

"""A backup's manifest had digests but no signature: who could write to its folder exchanged rows that no leaf
covers (pseudonyms, identifiers), recomputed the digests, and neither restore nor scrub could detect it.
"""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
from eth_account import Account

from cityledger.cli.node.restore import _verify_signature
from cityledger.errors import VerificationError
from cityledger.recovery.backup import manifest as backup_manifest
from cityledger.recovery.backup.backup import make_backup, verify_backup
from cityledger.recovery.backup.files import chunks_of, describe
from cityledger.recovery.backup.manifest import DATABASE, BackupManifest
from cityledger.recovery.backup.signature import signed, verify_signed_by
from cityledger.types import Address
from support.node.node_fixture import TestNode
from support.node.sample_records import TREATMENT_RECORD
from support.store.backup_source import backup_source

THIEF = Account.from_key(b"\x07" * 32)


def _backup(node: TestNode, folder: Path) -> BackupManifest:
    node.put(node.health, "visit-1", TREATMENT_RECORD)
    return make_backup(folder, backup_source(node), 1_000)


def _accounts(node: TestNode) -> frozenset[Address]:
    return frozenset([Address(node.context.services.operator.address)])


def _exchange_a_row(folder: Path, manifest: BackupManifest) -> BackupManifest:
    file = folder / manifest.state / DATABASE
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("INSERT INTO subject VALUES (1, ?, ?)", (os.urandom(32), bytes.fromhex("5b" * 32)))
    return replace(manifest, files={**manifest.files, DATABASE: describe(chunks_of(file))})


def test_an_exchanged_row_with_digests_to_match_is_refused(node: TestNode, tmp_path: Path) -> None:
    folder, accounts = tmp_path / "backup", _accounts(node)
    verify_signed_by(_backup(node, folder), accounts)
    altered = _exchange_a_row(folder, backup_manifest.load(folder))
    backup_manifest.save(folder, altered)

    verified = verify_backup(folder)  # every digest fits

    with pytest.raises(VerificationError, match="not signed by the operator"):
        verify_signed_by(verified, accounts)
    with pytest.raises(VerificationError, match="an unknown account"):
        verify_signed_by(signed(verified, THIEF), accounts)
    with pytest.raises(VerificationError, match="65 bytes"):
        verify_signed_by(replace(verified, signature=""), accounts)


def test_restore_refuses_unless_told(
    node: TestNode, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    accounts = _accounts(node)
    forged = signed(_backup(node, tmp_path / "backup"), THIEF)

    with pytest.raises(VerificationError, match="--signed-by ACCOUNT"):
        _verify_signature(forged, accounts, must_be=True)
    _verify_signature(forged, accounts, must_be=False)

    assert "may have been exchanged" in capsys.readouterr().err


@pytest.mark.parametrize("name", sorted({*BackupManifest.__dataclass_fields__} - {"signature"}))
def test_the_signature_covers_every_field(node: TestNode, tmp_path: Path, name: str) -> None:
    folder = tmp_path / "backup"
    manifest = _backup(node, folder)
    stored = json.loads((folder / backup_manifest.FILE_NAME).read_bytes())
    value = stored[name]
    changes: dict[type, Callable[[], Any]] = {
        str: lambda: f"{value[:-1]}{'1' if value[-1] != '1' else '2'}",
        int: lambda: value + 1,
        dict: lambda: {**value, "9": 1},
        type(None): lambda: 5,
    }
    changed = changes[type(value)]()
    assert asdict(manifest)["signature"] == stored["signature"]

    with pytest.raises(VerificationError):
        verify_signed_by(replace(manifest, **{name: changed}), _accounts(node))

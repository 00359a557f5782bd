"""The description of a backup, ``manifest.json``. It is written last: a folder without it is not a backup."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from cityledger.errors import ConfigurationError, StorageFullError, VerificationError
from cityledger.recovery.backup.confined_files import open_below, writing_below

FORMAT = "cityledger-backup/2"
FILE_NAME = "manifest.json"
DATABASE, OBJECT_LIST = "database.db", "objects.list"
MAX_BYTES = 64 << 20
"""Maximum length of the manifest: about 200 bytes for each agency's file in the keyring."""

Count = Annotated[int, Meta(ge=0, le=2**63 - 1)]
Bytes32 = Annotated[str, Meta(pattern=r"^0x[0-9a-f]{64}\Z")]
Account = Annotated[str, Meta(pattern=r"^0x[0-9a-fA-F]{40}\Z")]


@dataclass(frozen=True, slots=True)
class File:
    """Length in bytes and SHA-256 in hex."""

    bytes: Count
    sha256: Annotated[str, Meta(pattern=r"^[0-9a-f]{64}\Z")]


@dataclass(frozen=True, slots=True)
class BackupManifest:
    """``state`` is the subfolder of all files except the objects; ``logs`` holds each log's next number.
    ``chain_id`` and ``ledger`` are the domain of ``signature``, which is the operator's over all other
    fields.
    """

    instance: Bytes32
    operator: Account
    schema: str
    made_at: Count
    cursor: Count | None
    cursor_hash: Bytes32 | None
    logs: Mapping[Annotated[str, Meta(pattern=r"^[0-9]{1,20}\Z")], Count]
    state: str
    files: Mapping[str, File]
    objects: Count
    object_bytes: Count
    chain_id: Count
    ledger: Account
    signature: str = ""


def canonical_bytes(manifest: BackupManifest) -> bytes:
    """The signed bytes: the manifest's JSON with sorted keys, without spaces and without its signature."""
    members = {"format": FORMAT, **asdict(manifest)}
    del members["signature"]
    return json.dumps(members, sort_keys=True, separators=(",", ":")).encode()


def save(folder: Path, manifest: BackupManifest) -> None:
    """Completes the backup, atomically and durably.

    Raises:
        StorageFullError: it cannot be written.
    """
    stored = {"format": FORMAT, **asdict(manifest)}
    try:
        with writing_below(folder, FILE_NAME) as file:
            file.write(json.dumps(stored, indent=1, sort_keys=True).encode() + b"\n")
    except OSError as error:
        raise StorageFullError(f"{FILE_NAME} cannot be written: {error.strerror}") from error


def find(folder: Path) -> BackupManifest | None:
    """The manifest of the backup in a folder; None if there is no complete backup.

    Raises:
        VerificationError: it is not a manifest of this format; names the field.
    """
    try:
        with open_below(folder, FILE_NAME) as file:
            data = file.read(MAX_BYTES + 1)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise ConfigurationError(f"{folder / FILE_NAME} cannot be read: {error.strerror}") from error
    try:
        if len(data) > MAX_BYTES:
            raise ValueError("longer than a manifest can be")
        return _read(data)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise VerificationError(
            f"{folder / FILE_NAME} is not the manifest of a backup ({FORMAT}): {error}"
        ) from error


def load(folder: Path) -> BackupManifest:
    """As ``find``.

    Raises:
        ConfigurationError: there is no complete backup.
    """
    found = find(folder)
    if found is None:
        raise ConfigurationError(f"{folder} holds no complete backup: it has no {FILE_NAME}")
    return found


def _read(data: bytes) -> BackupManifest:
    stored = msgspec.json.decode(data, type=dict[str, Any])
    if stored.pop("format", None) != FORMAT:
        raise ValueError("another format")
    if unknown := stored.keys() - BackupManifest.__dataclass_fields__.keys():
        raise ValueError(f"{len(unknown)} unknown fields")
    manifest = msgspec.convert(stored, BackupManifest)
    for name in (manifest.state, *manifest.files):
        _safe(name)
    if "/" in manifest.state:
        raise ValueError("`state` must be the name of one folder")
    if not {DATABASE, OBJECT_LIST} <= manifest.files.keys():
        raise ValueError(f"`files` lacks {DATABASE} or {OBJECT_LIST}")
    return manifest


def _safe(name: str) -> str:
    """The name, if it stays below its folder; the manifest may be another user's."""
    if "\0" in name or any(part in ("", ".", "..") for part in name.split("/")):
        raise ValueError("the name of a file leads out of its folder, or has a NUL")
    return name


def safe_name(name: str) -> str:
    """The same name, if it stays below its folder.

    Raises:
        VerificationError: it does not.
    """
    try:
        return _safe(name)
    except ValueError as error:
        raise VerificationError("a name in the backup leads out of its folder") from error

"""What a backup says of itself: ``manifest.json``, written last, so that a folder without it is no backup."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from cityledger.errors import ConfigurationError, VerificationError
from cityledger.sealing.private_files import write_private_file

FORMAT = "cityledger-backup/2"
FILE_NAME = "manifest.json"
DATABASE, OBJECT_LIST = "database.db", "objects.list"


@dataclass(frozen=True, slots=True)
class File:
    """Length in bytes and SHA-256 in hex."""

    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class BackupManifest:
    """``state`` is the subfolder of all but the objects; ``logs`` holds each log's next number. ``chain_id``
    and ``ledger`` are the domain of ``signature``, which is the operator's over all the rest.
    """

    instance: str
    operator: str
    schema: str
    made_at: int
    cursor: int | None
    cursor_hash: str | None
    logs: Mapping[str, int]
    state: str
    files: Mapping[str, File]
    objects: int
    object_bytes: int
    chain_id: int
    ledger: str
    signature: str = ""


def canonical_bytes(manifest: BackupManifest) -> bytes:
    """What is signed: the manifest's JSON with sorted keys and without spaces, and without its signature."""
    held = {"format": FORMAT, **asdict(manifest)}
    del held["signature"]
    return json.dumps(held, sort_keys=True, separators=(",", ":")).encode()


def save(folder: Path, manifest: BackupManifest) -> None:
    """Makes the backup complete: at once, and durably."""
    held = {"format": FORMAT, **asdict(manifest)}
    write_private_file(folder / FILE_NAME, json.dumps(held, indent=1, sort_keys=True).encode() + b"\n")


def find(folder: Path) -> BackupManifest | None:
    """None where no backup is complete in that folder.

    Raises:
        VerificationError: it is not a manifest of this format.
    """
    try:
        held = json.loads((folder / FILE_NAME).read_bytes())
        return _read(held)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise ConfigurationError(f"{folder / FILE_NAME} cannot be read: {error.strerror}") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise VerificationError(f"{folder / FILE_NAME} is no manifest of a backup ({FORMAT})") from error


def load(folder: Path) -> BackupManifest:
    """As ``find``.

    Raises:
        ConfigurationError: there is no complete backup.
    """
    found = find(folder)
    if found is None:
        raise ConfigurationError(f"{folder} holds no complete backup: it has no {FILE_NAME}")
    return found


def _read(held: dict[str, Any]) -> BackupManifest:
    if held.pop("format") != FORMAT:
        raise ValueError("format")
    files = {_safe(name): File(**facts) for name, facts in held.pop("files").items()}
    manifest = BackupManifest(files=files, **held)
    if "/" in _safe(manifest.state) or not {DATABASE, OBJECT_LIST} <= files.keys():
        raise ValueError("state")
    return manifest


def _safe(name: str) -> str:
    """A name that stays below its folder, whoever wrote it."""
    parts = name.split("/")
    if not name or any(part in ("", ".", "..") for part in parts):
        raise ValueError("name")
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

"""The form of one vector, and bytes derived from labels, for all sets."""

from __future__ import annotations

import hashlib
from typing import Any

from cityledger.keccak import keccak
from cityledger.sealing.context import Context
from cityledger.types import DatasetId, RecordId

Vector = dict[str, Any]


def fixed(label: str, length: int = 32) -> bytes:
    """Bytes derived from a label."""
    return hashlib.shake_256(b"cityledger vector " + label.encode()).digest(length)


def vector(name: str, expect: str, why: str, **fields: object) -> Vector:
    """One vector; bytes become hex and enums numbers."""
    return {
        "name": name,
        "expect": expect,
        "why": why,
        **{key: plain(value) for key, value in fields.items()},
    }


def plain(value: object) -> object:
    match value:
        case bytes():
            return "0x" + value.hex()
        case bool() | str():
            return value
        case int():
            return int(value)
        case list() | tuple():
            return [plain(item) for item in value]
        case dict():
            return {key: plain(item) for key, item in value.items()}
    return value


def flip(data: bytes, at: int) -> bytes:
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]


def numbered_leaf(index: int) -> bytes:
    """A leaf hash that both languages can make: keccak(00 ‖ u256 index)."""
    return keccak(b"\0" + index.to_bytes(32, "big"))


INSTANCE = fixed("instance")
DATASET = DatasetId(fixed("dataset"))
RECORD = RecordId(fixed("record"))
CONTEXT = Context(INSTANCE, DATASET, RECORD, 1)
DATA_KEY = fixed("data key")

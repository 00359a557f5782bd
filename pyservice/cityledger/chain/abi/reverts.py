"""The custom error with which a contract refused, by name and facts, looked up over all contracts."""

from __future__ import annotations

from functools import cache
from typing import Any

from cityledger.chain.abi.artifacts import CONTRACT_NAMES, entries_of_kind
from cityledger.chain.abi.codec import Entry, decode_values, selector
from cityledger.errors import RevertedError

_BUILT_IN: tuple[Entry, ...] = (
    {"name": "Error", "inputs": [{"name": "reason", "type": "string"}]},
    {"name": "Panic", "inputs": [{"name": "code", "type": "uint256"}]},
)


def decode_revert(data: bytes) -> RevertedError:
    """The error inside revert data. A selector that none of our contracts declares is reported as it is."""
    if not data:
        return RevertedError("WithoutReason", {})
    entry = _errors().get(data[:4])
    if entry is None:
        return RevertedError("UnknownError", {"data": "0x" + data.hex()})
    values = decode_values(entry["inputs"], data[4:], f"error {entry['name']}")
    names = [parameter["name"] or f"argument{i}" for i, parameter in enumerate(entry["inputs"])]
    return RevertedError(
        str(entry["name"]), {name: _shown(value) for name, value in zip(names, values, strict=True)}
    )


@cache
def _errors() -> dict[bytes, Entry]:
    ours = [entry for name in CONTRACT_NAMES for entry in entries_of_kind(name, "error")]
    return {selector(entry): entry for entry in (*_BUILT_IN, *ours)}


def _shown(value: Any) -> object:
    """Bytes in hex; a bytes32 that is a word, such as a code or a purpose, as that word."""
    if not isinstance(value, bytes):
        return value
    word = value.rstrip(b"\0")
    is_word = len(value) == 32 and word.isascii() and word.decode("ascii", "replace").isprintable()
    return word.decode("ascii") if word and is_word else "0x" + value.hex()

"""Writes a value of an EIP-712 type in JSON, and reads it strictly. Source: SPEC.md §1.

One value has one form: lower-case ``0x`` hex, decimal strings without leading zeros for what may exceed 2^53,
plain integers below.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import cast

from eth_utils.address import to_checksum_address

from cityledger.errors import FieldError
from cityledger.proofs.typed_data import StructType
from cityledger.types import Address

_DECIMAL_STRING_BITS = 53
_DECIMAL = re.compile(r"0|[1-9][0-9]{0,77}", re.ASCII)
_HEX = re.compile(r"0x(?:[0-9a-f]{2})*", re.ASCII)


def write_value(kind: str, value: object) -> object:
    """The JSON form of a value that fits the EIP-712 type ``kind``; arrays of bytes32 included."""
    match value:
        case bytes():
            return "0x" + value.hex()
        case bool():
            return value
        case int():
            return str(value) if _is_decimal_string(kind) else int(value)
        case str():
            return value.lower() if kind == "address" else value
        case tuple():
            return ["0x" + cast(bytes, item).hex() for item in value]
    raise TypeError(f"no JSON form for {type(value).__name__}")


def read_value(kind: str, path: str, value: object) -> object:
    """The value behind its JSON form; ``path`` names it in errors.

    Raises:
        FieldError: another JSON type, a form that ``write_value`` does not write, or out of the type's range.
    """
    match value:
        case bool() if kind == "bool":
            return value
        case str() if kind == "string":
            return value
        case str() if kind == "bytes32":
            return _read_hex(path, value, 32)
        case str() if kind == "address":
            return Address(to_checksum_address(_read_hex(path, value, 20)))
        case str() if _is_decimal_string(kind) and _DECIMAL.fullmatch(value):
            return _in_range(kind, path, int(value))
        case int() if (
            kind.startswith("uint") and not isinstance(value, bool) and not _is_decimal_string(kind)
        ):
            return _in_range(kind, path, value)
        case list() if kind == "bytes32[]":
            return tuple(read_value("bytes32", f"{path}[{i}]", item) for i, item in enumerate(value))
    raise FieldError(path, f"is not {_expected(kind)}")


def read_object(
    value: object, path: str, required: Collection[str], optional: Collection[str] = ()
) -> dict[str, object]:
    """``value`` as an object with exactly these members.

    Raises:
        FieldError: not an object, a member is missing, or one is unknown.
    """
    if not isinstance(value, dict):
        raise FieldError(path, "is not an object")
    for name in required:
        if name not in value:
            raise FieldError(join_path(path, name), "is missing")
    for name in value:
        if name not in required and name not in optional:
            raise FieldError(path, "has an unknown member")
    return value


def read_list(value: object, path: str) -> list[object]:
    """``value`` as an array.

    Raises:
        FieldError: it is not an array.
    """
    if not isinstance(value, list):
        raise FieldError(path, "is not an array")
    return value


def read_members(struct: StructType, value: dict[str, object], path: str) -> dict[str, object]:
    """The values of all members of ``struct`` that have a JSON form of their own (all but arrays of structs),
    by JSON name."""
    return {
        name: read_value(kind, join_path(path, name), value[name])
        for kind, name in struct.fields
        if kind != "Part[]"
    }


def join_path(path: str, name: str) -> str:
    """``leaf.seq``, or ``seq`` at the top."""
    return f"{path}.{name}" if path else name


def _read_hex(path: str, text: str, length: int) -> bytes:
    if len(text) != 2 + 2 * length or not _HEX.fullmatch(text):
        raise FieldError(path, f"is not 0x and {2 * length} lower-case hex digits")
    return bytes.fromhex(text[2:])


def _in_range(kind: str, path: str, value: int) -> int:
    if not 0 <= value < 1 << int(kind.removeprefix("uint")):
        raise FieldError(path, f"is out of range of {kind}")
    return value


def _is_decimal_string(kind: str) -> bool:
    return kind.startswith("uint") and int(kind.removeprefix("uint")) > _DECIMAL_STRING_BITS


def _expected(kind: str) -> str:
    if _is_decimal_string(kind):
        return f"{kind} as a decimal string without leading zeros"
    return f"{kind} in its JSON form"

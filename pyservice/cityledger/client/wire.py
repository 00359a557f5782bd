"""Converts JSON to dataclasses and back, by the dataclass's own annotations.

A member that this version does not know is ignored, so that a newer node can be used; one that is missing or
of another form is an error of the node.
"""

from __future__ import annotations

import base64
import re
import types
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from enum import IntEnum
from functools import cache
from typing import Any, TypeVar, Union, cast, get_args, get_origin, get_type_hints

from cityledger.errors import FieldError, NodeError
from cityledger.proofs.json_values import join_path, read_list, read_value
from cityledger.proofs.leaf_json import leaf_from_json, leaf_to_json, receipt_from_json, receipt_to_json
from cityledger.proofs.leaves import Receipt, ReceiptLeaf, RecordLeaf, json_name
from cityledger.types import BatchState, Purpose, purpose_from_name, purpose_name

T = TypeVar("T")
_HEX = re.compile(r"0x(?:[0-9a-f]{2})*")
_BASE64URL = re.compile(r"[A-Za-z0-9_-]*")


def read_answer(kind: type[T], value: object, what: str) -> T:
    """``value`` as the dataclass ``kind``; ``what`` names the answer in errors.

    Raises:
        NodeError: the node's answer has another form.
    """
    try:
        return cast(T, _read(kind, value, ""))
    except FieldError as error:
        raise NodeError(f"the node's answer to {what} has another form: {error}") from error


def to_hex(value: bytes) -> str:
    return "0x" + value.hex()


def base64url(value: bytes) -> str:
    """RFC 4648 §5 without padding."""
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()


def from_base64url(text: object, path: str) -> bytes:
    """The bytes that ``base64url`` encoded.

    Raises:
        FieldError: not text of that form.
    """
    if not isinstance(text, str) or not _BASE64URL.fullmatch(text) or len(text) % 4 == 1:
        raise FieldError(path, "is not base64url")
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def json_of(value: object) -> Any:
    """A dataclass of ``answers.py`` as JSON values, in the form of the wire; payload bytes as text."""
    match value:
        case IntEnum():
            return value.name.lower()
        case bytes():
            return to_hex(value)
        case Mapping():
            return {str(key): json_of(item) for key, item in value.items()}
        case tuple() | list():
            return [json_of(item) for item in value]
        case Receipt():
            return receipt_to_json(value)
        case RecordLeaf() | ReceiptLeaf():
            return leaf_to_json(value)
    if is_dataclass(value) and not isinstance(value, type):
        hints = _hints(type(value))
        return {
            json_name(field.name): _member_json(hints[field.name], getattr(value, field.name))
            for field in fields(value)
        }
    return value


def _member_json(kind: Any, value: Any) -> Any:
    if kind is Purpose:
        return purpose_name(value)
    if kind == tuple[Purpose, ...]:
        return [purpose_name(one) for one in value]
    return json_of(value)


def _read(kind: Any, value: object, path: str) -> object:
    for test, read in _READERS:
        if test(kind):
            return read(kind, value, path)
    raise TypeError(f"no wire form for {kind}")


def _read_optional(kind: Any, value: object, path: str) -> object:
    if value is None:
        return None
    (inner,) = [one for one in get_args(kind) if one is not type(None)]
    return _read(inner, value, path)


def _read_state(_kind: Any, value: object, path: str) -> object:
    return None if value == "open" else _read_enum(BatchState, value, path)


def _read_tuple(kind: Any, value: object, path: str) -> object:
    inner = get_args(kind)[0]
    return tuple(_read(inner, item, f"{path}[{i}]") for i, item in enumerate(read_list(value, path)))


def _read_mapping(kind: Any, value: object, path: str) -> object:
    inner = get_args(kind)[1]
    return {name: _read(inner, item, join_path(path, name)) for name, item in _object(value, path).items()}


def _read_enum(kind: Any, value: object, path: str) -> object:
    names = {one.name.lower(): one for one in kind}
    if value not in names:
        raise FieldError(path, f"must be one of {', '.join(names)}")
    return names[str(value)]


def _read_purpose(_kind: Any, value: object, path: str) -> object:
    try:
        return purpose_from_name(str(value))
    except ValueError as error:
        raise FieldError(path, str(error)) from error


def _read_bytes(_kind: Any, value: object, path: str) -> object:
    if not isinstance(value, str) or not _HEX.fullmatch(value):
        raise FieldError(path, "is not 0x and lower-case hex digits")
    return bytes.fromhex(value[2:])


def _read_int(_kind: Any, value: object, path: str) -> object:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    return read_value("uint256", path, value)  # a decimal string, as SPEC.md §1 has it


def _read_plain(kind: Any, value: object, path: str) -> object:
    if not isinstance(value, kind):
        raise FieldError(path, f"is not of type {kind.__name__}")
    return value


def _read_dataclass(kind: Any, value: object, path: str) -> object:
    members = _object(value, path)
    hints = _hints(kind)
    read: dict[str, object] = {}
    for field in fields(kind):
        name = json_name(field.name)
        if name not in members:
            raise FieldError(join_path(path, name), "is missing")
        read[field.name] = _read(hints[field.name], members[name], join_path(path, name))
    return kind(**read)


def _object(value: object, path: str) -> dict[str, object]:
    if not isinstance(value, dict):
        raise FieldError(path, "is not an object")
    return value


def _base(kind: Any) -> Any:
    """The type under a NewType, at any depth."""
    while hasattr(kind, "__supertype__"):
        kind = kind.__supertype__
    return kind


def _is_optional(kind: Any) -> bool:
    return get_origin(kind) in (Union, types.UnionType) and type(None) in get_args(kind)


@cache
def _hints(kind: type) -> dict[str, Any]:
    return get_type_hints(kind)


_READERS: list[tuple[Callable[[Any], bool], Callable[[Any, object, str], object]]] = [
    (lambda kind: kind == BatchState | None, _read_state),
    (_is_optional, _read_optional),
    (lambda kind: get_origin(kind) is tuple, _read_tuple),
    (
        lambda kind: isinstance(get_origin(kind), type) and issubclass(get_origin(kind), Mapping),
        _read_mapping,
    ),
    (lambda kind: kind is Purpose, _read_purpose),
    (lambda kind: kind is Receipt, lambda _kind, value, _path: receipt_from_json(value)),
    (lambda kind: kind in (RecordLeaf, ReceiptLeaf), lambda _kind, value, path: leaf_from_json(value, path)),
    (lambda kind: isinstance(kind, type) and issubclass(kind, IntEnum), _read_enum),
    (lambda kind: is_dataclass(kind), _read_dataclass),
    (lambda kind: _base(kind) is bytes, _read_bytes),
    (lambda kind: _base(kind) is bool, lambda _kind, value, path: _read_plain(bool, value, path)),
    (lambda kind: _base(kind) is int, _read_int),
    (lambda kind: kind is Any, lambda _kind, value, _path: value),
    (lambda kind: _base(kind) is str, lambda _kind, value, path: _read_plain(str, value, path)),
]
"""In this order: the first test that is true selects the reader."""

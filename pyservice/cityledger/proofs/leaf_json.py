"""JSON views of leaves and receipts, both ways; their struct hashes are authoritative. Source: SPEC.md
§1, §7."""

from __future__ import annotations

from dataclasses import fields
from typing import Any, TypeVar

from cityledger.errors import FieldError
from cityledger.proofs.json_values import (
    join_path,
    read_list,
    read_members,
    read_object,
    read_value,
    write_value,
)
from cityledger.proofs.leaves import (
    RECEIPT,
    RECEIPT_LEAF,
    RECORD_LEAF,
    TOMBSTONE,
    Leaf,
    PartLeaf,
    Receipt,
    ReceiptLeaf,
    RecordLeaf,
    Tombstone,
    json_name,
)
from cityledger.proofs.typed_data import StructType
from cityledger.types import Action, ErasureReason, Kem

_Target = TypeVar("_Target")

_PART_KINDS = {"name": "string", "ciphertextDigest": "bytes32", "commitment": "bytes32"}
_STRUCTS = {RecordLeaf: RECORD_LEAF, Tombstone: TOMBSTONE, ReceiptLeaf: RECEIPT_LEAF}
_ENUMS = {"action": Action, "kem": Kem, "reason": ErasureReason}


def receipt_to_json(receipt: Receipt) -> dict[str, object]:
    """The receipt with the names of its type's text."""
    return _members(RECEIPT, receipt)


def receipt_from_json(value: object) -> Receipt:
    """The receipt behind ``receipt_to_json``.

    Raises:
        FieldError: a member is missing, unknown, or not in its one form.
    """
    members = read_object(value, "", [name for _, name in RECEIPT.fields])
    return _construct(Receipt, read_members(RECEIPT, members, ""), "")


def leaf_to_json(leaf: Leaf) -> dict[str, object]:
    """The leaf as a proof file holds it: ``type``, then the names of its type's text; parts by name."""
    view = {"type": type(leaf).__name__, **_members(_STRUCTS[type(leaf)], leaf)}
    if isinstance(leaf, RecordLeaf):
        view["parts"] = [_part_to_json(part) for part in leaf.parts]
    return view


def leaf_from_json(value: object, path: str = "leaf") -> Leaf:
    """The leaf behind ``leaf_to_json``.

    Raises:
        FieldError: an unknown type, or a member is missing, unknown, not in its one form, or out of its
            range.
    """
    kind = value.get("type") if isinstance(value, dict) else None
    for leaf_class, struct in _STRUCTS.items():
        if leaf_class.__name__ == kind:
            members = read_object(value, path, ["type", *(name for _, name in struct.fields)])
            return _read_leaf(leaf_class, struct, members, path)
    raise FieldError(join_path(path, "type"), "is not RecordLeaf, Tombstone or ReceiptLeaf")


def _read_leaf(leaf_class: type[Leaf], struct: StructType, members: dict[str, object], path: str) -> Leaf:
    values = read_members(struct, members, path)
    if leaf_class is RecordLeaf:
        values["parts"] = _read_parts(members["parts"], join_path(path, "parts"))
    return _construct(leaf_class, values, path)


def _part_to_json(part: PartLeaf) -> dict[str, object]:
    return {
        json_name(field.name): write_value("bytes32", getattr(part, field.name)) for field in fields(part)
    }


def _read_parts(value: object, path: str) -> tuple[PartLeaf, ...]:
    return tuple(_read_part(item, f"{path}[{i}]") for i, item in enumerate(read_list(value, path)))


def _read_part(value: object, path: str) -> PartLeaf:
    members = read_object(value, path, list(_PART_KINDS))
    values = {
        name: read_value(kind, join_path(path, name), members[name]) for name, kind in _PART_KINDS.items()
    }
    return _construct(PartLeaf, values, path)


def _construct(target: type[_Target], values: dict[str, object], path: str) -> _Target:
    try:
        return target(**_attributes(target, values))
    except FieldError as error:
        raise FieldError(join_path(path, error.field), error.reason) from error


def _members(struct: StructType, value: object) -> dict[str, object]:
    attributes = {json_name(field.name): field.name for field in fields(value)}  # type: ignore[arg-type]
    return {
        name: write_value(kind, getattr(value, attributes[name]))
        for kind, name in struct.fields
        if kind != "Part[]"
    }


def _attributes(target: type, values: dict[str, object]) -> dict[str, Any]:
    """Keyword arguments of ``target`` from values by JSON name; enum members as such."""
    for name, enum in _ENUMS.items():
        if values.get(name) in tuple(enum):
            values[name] = enum(int(str(values[name])))
    return {field.name: values[json_name(field.name)] for field in fields(target)}

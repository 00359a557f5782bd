"""The proof file: read strictly, written in one form. Source: SPEC.md §7.

``parse_proof`` checks the form only; ``verify.py`` checks the proof.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import cast

from cityledger import strict_json
from cityledger.errors import FieldError, InputError, VerificationError
from cityledger.proofs.json_values import join_path, read_list, read_object, read_value, write_value
from cityledger.proofs.leaf_json import leaf_from_json, leaf_to_json
from cityledger.proofs.leaves import Leaf, RecordLeaf
from cityledger.types import Address, LogId

FORMAT = "cityledger-proof/1"
MAX_BYTES = 65_536
_TREE_KINDS = {
    "log": "uint64",
    "first": "uint64",
    "count": "uint32",
    "index": "uint32",
    "root": "bytes32",
    "path": "bytes32[]",
}
_ANCHOR_KINDS = {
    "chainId": "uint256",
    "ledger": "address",
    "transaction": "bytes32",
    "blockNumber": "uint64",
    "blockHash": "bytes32",
}
_OPENING_KINDS = {"part": "uint8", "opening": "bytes32"}


@dataclass(frozen=True, slots=True)
class TreePlace:
    """The leaf's position: number ``index`` of the ``count`` leaves from ``first`` in ``log``; ``path`` from
    the leaf up."""

    log: LogId
    first: int
    count: int
    index: int
    root: bytes
    path: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Anchor:
    """The batch's anchor as stated by the file; ``ledger`` is the address of ``RecordLedger``."""

    chain_id: int
    ledger: Address
    transaction: bytes
    block_number: int
    block_hash: bytes


@dataclass(frozen=True, slots=True)
class PartOpening:
    """The key for checking a part's payload against the leaf. ``part`` is the part's bit number; the repr
    hides the key."""

    part: int
    opening: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Proof:
    """One proof file. ``openings`` ascend by part and belong to a record leaf.

    Raises:
        VerificationError: openings are out of order, or of parts that the leaf does not have.
    """

    leaf: Leaf
    tree: TreePlace
    anchor: Anchor
    openings: tuple[PartOpening, ...] = ()

    def __post_init__(self) -> None:
        parts = [opening.part for opening in self.openings]
        part_count = len(self.leaf.parts) if isinstance(self.leaf, RecordLeaf) else 0
        if parts != sorted(set(parts)) or any(part >= part_count for part in parts):
            raise VerificationError("openings: do not ascend within the parts of the leaf")


def parse_proof(data: bytes) -> Proof:
    """The proof in a file's bytes.

    Raises:
        VerificationError: over 64 KB, not strict JSON, or a member is missing, unknown or not in its one
            form.
    """
    try:
        return _read_proof(strict_json.parse(data, max_bytes=MAX_BYTES, minus_zero=False))
    except InputError as error:
        raise VerificationError(f"not a proof file: {error}") from error


def format_proof(proof: Proof) -> bytes:
    """The file of a proof: UTF-8 JSON, indented by one, with a line feed at the end.

    Raises:
        VerificationError: the file would be over 64 KB (a record leaf with about 900 subjects).
    """
    view: dict[str, object] = {
        "format": FORMAT,
        "leaf": leaf_to_json(proof.leaf),
        "tree": _write(_TREE_KINDS, proof.tree),
        "anchor": _write(_ANCHOR_KINDS, proof.anchor),
    }
    if proof.openings:
        view["openings"] = [_write(_OPENING_KINDS, opening) for opening in proof.openings]
    data = json.dumps(view, ensure_ascii=False, indent=1).encode("utf-8") + b"\n"
    if len(data) > MAX_BYTES:
        raise VerificationError(f"the proof file would be over {MAX_BYTES} bytes")
    return data


def _read_proof(value: object) -> Proof:
    members = read_object(value, "", ["format", "leaf", "tree", "anchor"], ["openings"])
    if members["format"] != FORMAT:
        raise FieldError("format", f"is not {FORMAT}")
    return Proof(
        leaf=leaf_from_json(members["leaf"]),
        tree=TreePlace(*_read(_TREE_KINDS, members["tree"], "tree")),  # type: ignore[arg-type]
        anchor=Anchor(*_read(_ANCHOR_KINDS, members["anchor"], "anchor")),  # type: ignore[arg-type]
        openings=_read_openings(members["openings"]) if "openings" in members else (),
    )


def _read_openings(value: object) -> tuple[PartOpening, ...]:
    items = read_list(value, "openings")
    if not items:
        raise FieldError("openings", "is empty; omit it if there is none")
    return tuple(
        PartOpening(*_read(_OPENING_KINDS, item, f"openings[{i}]"))  # type: ignore[arg-type]
        for i, item in enumerate(items)
    )


def _read(kinds: dict[str, str], value: object, path: str) -> Sequence[object]:
    """The members' values in the order of ``kinds``, which is the order of the dataclass's fields."""
    members = read_object(value, path, list(kinds))
    return [read_value(kind, join_path(path, name), members[name]) for name, kind in kinds.items()]


def _write(kinds: dict[str, str], value: TreePlace | Anchor | PartOpening) -> dict[str, object]:
    values = [getattr(value, name) for name in cast(Sequence[str], type(value).__slots__)]
    return {name: write_value(kind, item) for (name, kind), item in zip(kinds.items(), values, strict=True)}

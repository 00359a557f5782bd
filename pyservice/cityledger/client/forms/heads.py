"""JSON forms of calls about heads (SPEC.md §4.1)."""

from __future__ import annotations

from dataclasses import dataclass

from cityledger.types import LeafHash


@dataclass(frozen=True, slots=True)
class Head:
    """The version of a record that is its current head, and the transaction and block that moved the head."""

    version: int
    leaf_hash: LeafHash
    transaction: bytes
    block: int


@dataclass(frozen=True, slots=True)
class HeadHistory:
    """The head as a history reports it."""

    head: Head | None

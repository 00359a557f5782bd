"""The JSON forms of calls about heads (SPEC.md §4.1)."""

from __future__ import annotations

from dataclasses import dataclass

from cityledger.types import LeafHash


@dataclass(frozen=True, slots=True)
class Head:
    """The version of a record that has landed, and where the chain took it."""

    version: int
    leaf_hash: LeafHash
    transaction: bytes
    block: int


@dataclass(frozen=True, slots=True)
class Landed(Head):
    """The version to which the head was moved, or pointed already."""


@dataclass(frozen=True, slots=True)
class HeadHistory:
    """What a history says of the head."""

    head: Head | None

"""Wrapped data keys."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from scripts.vector_sets.values import (
    CONTEXT,
    DATA_KEY,
    Vector,
    fixed,
    flip,
    vector,
)

from cityledger.sealing.context import Context
from cityledger.sealing.wrap import VaultKey, wrap
from cityledger.types import (
    DatasetId,
    RecordId,
)

VAULT_KEYS = {epoch: VaultKey(epoch, fixed(f"vault key {epoch}")) for epoch in (1, 2)}


def make_wrap() -> Iterable[Vector]:
    for epoch, key in VAULT_KEYS.items():
        wrapped = wrap(DATA_KEY, key, CONTEXT, fixed("nonce", 12))
        yield vector(f"epoch {epoch}", "ok", "SPEC.md §5", **wrap_fields(wrapped, CONTEXT), dataKey=DATA_KEY)
    wrapped = wrap(DATA_KEY, VAULT_KEYS[1], CONTEXT, fixed("nonce", 12))
    for name, changed in (
        ("swapped between records", replace(CONTEXT, record=RecordId(fixed("r2")))),
        ("swapped between versions", replace(CONTEXT, version=2)),
        ("swapped between datasets", replace(CONTEXT, dataset=DatasetId(fixed("d2")))),
        ("swapped between deployments", replace(CONTEXT, instance=fixed("i2"))),
    ):
        yield vector(name, "refuse", "bound to its record and version", **wrap_fields(wrapped, changed))
    stranger = wrap(DATA_KEY, VaultKey(1, fixed("stranger")), CONTEXT, fixed("nonce", 12))
    for name, why, altered in (
        ("another epoch's number", "the epoch is authenticated", b"\0\0\0\2" + wrapped[4:]),
        ("an epoch without a key", "no such vault key", b"\0\0\0\3" + wrapped[4:]),
        ("another vault key", "not this agency's", stranger),
        ("nonce altered", "authenticated", flip(wrapped, 4)),
        ("key altered", "authenticated", flip(wrapped, 16)),
        ("tag altered", "authenticated", flip(wrapped, 63)),
        ("truncated", "64 bytes", wrapped[:-1]),
        ("trailing byte", "64 bytes", wrapped + b"\0"),
        ("empty", "64 bytes", b""),
    ):
        yield vector(name, "refuse", why, **wrap_fields(altered, CONTEXT))


def wrap_fields(wrapped: bytes, context: Context) -> Vector:
    return {
        "vaultKeys": [[epoch, key.key] for epoch, key in VAULT_KEYS.items()],
        "instance": context.instance,
        "dataset": context.dataset,
        "record": context.record,
        "version": context.version,
        "wrapped": wrapped,
    }

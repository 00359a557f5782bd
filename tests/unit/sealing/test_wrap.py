from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cityledger.errors import SealingError
from cityledger.sealing.context import Context
from cityledger.sealing.wrap import VaultKey, unwrap, wrap, wrapped_epoch
from cityledger.types import DatasetId, RecordId
from support.vector_files import load_vectors, unhex

CONTEXT = Context(b"i" * 32, DatasetId(b"d" * 32), RecordId(b"r" * 32), 1)
KEYS = {5: VaultKey(5, b"v" * 32)}


def arguments(vector: dict[str, Any]) -> tuple[bytes, dict[int, VaultKey], Context]:
    keys = {epoch: VaultKey(epoch, unhex(key)) for epoch, key in vector["vaultKeys"]}
    context = Context(
        unhex(vector["instance"]),
        DatasetId(unhex(vector["dataset"])),
        RecordId(unhex(vector["record"])),
        vector["version"],
    )
    return unhex(vector["wrapped"]), keys, context


@pytest.mark.parametrize("vector", load_vectors("wrap.json", "ok"))
def test_wrap_agrees_with_vectors(vector: dict[str, Any]) -> None:
    wrapped, keys, context = arguments(vector)
    data_key = unhex(vector["dataKey"])
    assert unwrap(wrapped, keys, context) == data_key
    assert wrap(data_key, keys[wrapped_epoch(wrapped)], context, wrapped[4:16]) == wrapped


@pytest.mark.parametrize("vector", load_vectors("wrap.json", "refuse"))
def test_unwrap_refuses_vectors(vector: dict[str, Any]) -> None:
    with pytest.raises(SealingError):
        unwrap(*arguments(vector))


@given(st.binary(min_size=32, max_size=32), st.integers(0, 63), st.integers(1, 255))
def test_unwrap_refuses_any_flipped_byte(data_key: bytes, at: int, mask: int) -> None:
    wrapped = bytearray(wrap(data_key, KEYS[5], CONTEXT, b"n" * 12))
    assert unwrap(bytes(wrapped), KEYS, CONTEXT) == data_key
    wrapped[at] ^= mask
    with pytest.raises(SealingError):
        unwrap(bytes(wrapped), KEYS, CONTEXT)


def test_unwrap_names_the_missing_epoch() -> None:
    with pytest.raises(SealingError, match=r"^no vault key of epoch 5$"):
        unwrap(wrap(b"k" * 32, KEYS[5], CONTEXT, b"n" * 12), {}, CONTEXT)


def test_repr_of_vault_key_shows_no_key() -> None:
    assert repr(KEYS[5]) == "VaultKey(epoch=5)"

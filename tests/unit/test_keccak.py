from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cityledger.keccak import keccak, portable_keccak


@pytest.mark.parametrize(
    ("data", "digest"),
    [
        (b"", "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470"),
        (b"abc", "4e03657aea45a94fc7d47ba826c8d667c0d1e6e33a64a036ec44f58fa12d6c45"),
    ],
)
def test_keccak_is_ethereums_not_sha3(data: bytes, digest: str) -> None:
    assert keccak(data).hex() == digest


@given(st.binary(max_size=600))
def test_node_and_client_hash_alike(data: bytes) -> None:
    assert keccak is not portable_keccak  # a node's install, as the tests have it
    assert keccak(data) == portable_keccak(data)

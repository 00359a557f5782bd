"""Headers of public chains, as their endpoints return them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from cityledger.chain.rpc.block_hashes import is_recomputed

HEADERS: dict[str, dict[str, Any]] = json.loads(
    Path(__file__).with_name("real_headers.json").read_text("utf-8")
)
NOT_HASHED = {"hash", "size", "totalDifficulty"}


@pytest.mark.parametrize("name", HEADERS)
def test_hash_is_that_of_the_fields(name: str) -> None:
    header = HEADERS[name]
    assert is_recomputed(header)
    assert is_recomputed({**header, "hash": header["hash"].upper().replace("0X", "0x")})
    assert is_recomputed({**header, "transactions": ["0x00"], "uncles": [], "anything": None})


@pytest.mark.parametrize("name", HEADERS)
def test_every_hashed_field_counts(name: str) -> None:
    header = HEADERS[name]
    for field in header.keys() - NOT_HASHED:
        last = "0" if header[field][-1] != "0" else "1"
        assert not is_recomputed({**header, field: header[field][:-1] + last}), field
        assert not is_recomputed({key: value for key, value in header.items() if key != field}), field


def test_a_field_that_is_unknown_here_makes_a_hash_unknown() -> None:
    header = HEADERS["Ethereum mainnet, Prague"]
    without = {key: value for key, value in header.items() if key != "requestsHash"}
    assert not is_recomputed({**without, "blockAccessListHash": header["requestsHash"]})


@pytest.mark.parametrize("broken", [{}, {"hash": 7}, {"hash": "0x"}, {"number": None, "hash": "0x00"}])
def test_what_is_no_header_is_not_recomputed(broken: dict[str, Any]) -> None:
    assert not is_recomputed(broken)
    header = HEADERS["Avalanche C-Chain, Durango"]
    assert not is_recomputed({**header, "gasUsed": "0xzz"})
    assert not is_recomputed({**header, "gasUsed": 7})

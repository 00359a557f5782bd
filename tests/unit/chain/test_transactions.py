from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cityledger.chain.transactions import Fees, read_signed
from cityledger.errors import ChainError


@pytest.mark.parametrize("raw", [b"", b"\x02", b"\x02\xc0", b"\x01" + bytes(60), b"\xf8" * 80])
def test_read_signed_refuses_other_bytes(raw: bytes) -> None:
    with pytest.raises(ChainError, match="not a transaction of type 2"):
        read_signed(raw)


@given(st.integers(0, 10**12), st.integers(0, 10**12), st.integers(0, 10**12), st.integers(0, 10**13))
def test_replacing_offers_an_eighth_more_or_nothing(tip: int, base: int, market: int, limit: int) -> None:
    former = Fees(base + tip, tip)
    fees = former.replacing(Fees(2 * market + tip, tip), limit)
    if fees is None:
        assert former.raised().max_fee > limit
        return
    assert fees.max_fee >= former.max_fee * 9 / 8 and fees.max_priority_fee >= former.max_priority_fee * 9 / 8
    assert fees.max_priority_fee <= fees.max_fee <= limit
    assert fees.max_fee >= min(2 * market + tip, limit)

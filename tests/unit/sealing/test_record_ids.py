from __future__ import annotations

import hashlib
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cityledger.errors import FieldError
from cityledger.sealing.record_ids import record_id


def test_record_id_is_hmac_of_the_id_as_written() -> None:
    expected = hmac.new(b"k" * 32, "病历-7".encode(), hashlib.sha256).digest()
    assert record_id(b"k" * 32, "病历-7") == expected


@given(st.text(st.characters(codec="utf-8"), min_size=1), st.text(st.characters(codec="utf-8"), min_size=1))
def test_record_id_differs_for_different_ids(one: str, other: str) -> None:
    """No normalisation: é in one code point and in two are two ids, as the provider writes them."""
    assert (record_id(b"k" * 32, one) == record_id(b"k" * 32, other)) == (one == other)


@pytest.mark.parametrize("provider_id", ["", "\ud800"])
def test_record_id_refuses(provider_id: str) -> None:
    with pytest.raises(FieldError, match=r"^id: "):
        record_id(b"k" * 32, provider_id)

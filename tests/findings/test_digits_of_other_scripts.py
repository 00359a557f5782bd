"""The models' ``\\d`` took the digits of every script: a share or postcode that the published schema refuses
was stored, and a date of such digits was repeated in the refusal.
"""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from cityledger.profiles import fields, parking_restriction, transaction
from cityledger.profiles.property import Address

TEN = "1٠"


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        (fields.Share, f"1/{TEN}"),
        (fields.CivilDate, f"20{TEN}-03-07"),
        (fields.Instant, f"2026-03-01T{TEN}:00:00Z"),
        (transaction.DayOrMonth, f"2026-{TEN}"),
        (parking_restriction.LocalTime, f"{TEN}:00"),
    ],
)
def test_digits_that_are_not_ascii_are_refused_and_not_repeated(kind: Any, text: str) -> None:
    with pytest.raises(ValidationError) as refused:
        TypeAdapter(kind).validate_python(text)

    assert TEN not in refused.value.errors()[0]["msg"]


def test_postcode_of_other_digits_is_refused() -> None:
    with pytest.raises(ValidationError):
        Address.model_validate({"district": "d", "street": "s", "postcode": f"1000{TEN}"})

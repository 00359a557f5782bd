"""A synthetic record before its parts are written as bytes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from random import Random


@dataclass(frozen=True, slots=True)
class Draft:
    """``persons`` are the keys of the record's subjects; ``parts`` holds JSON values."""

    provider_id: str
    persons: tuple[str, ...]
    parts: Mapping[str, object]


def decimal(random: Random, low: int, high: int) -> Decimal:
    """A number between ``low`` and ``high`` hundredths, with both of its decimals: 6.10, not 6.1."""
    return Decimal(random.randint(low, high)).scaleb(-2)

"""One title with its parties and entries, and what is in force on it after an act."""

import json
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest

from cityledger.errors import PayloadError
from cityledger.profiles.profile import Parts
from cityledger.profiles.title_acts import (
    Entered,
    Money,
    Mortgage,
    NewParty,
)

TITLE = (
    b'{"uid": "110105001001GB00001F00010001", "type": "apartment", '
    b'"address": {"district": "\xe6\x9c\x9d\xe9\x98\xb3\xe5\x8c\xba", "street": "88"}, '
    b'"area": {"value": 89.50, "unit": "m2"}}'
)
WANG, LI, ZHAO = NewParty("P1", "王秀英"), NewParty("P2", "李伟"), NewParty("P3", "赵敏")
FIRST = Entered("2019-05-01", number="2019-1")
LATER = Entered("2020-01-02", number="2020-1")
ORDER = Entered("2020-01-01", basis="（2020）京0105执1号")
MORTGAGE = Mortgage("M1", "中国银行", Money(Decimal("1250000.50")))


def value(parts: Parts, name: str) -> Any:
    return json.loads(parts[name])


def owned(parts: Parts, pid: str) -> Fraction:
    rights = [one for one in value(parts, "rights") if one["party"] == pid and "until" not in one]
    return sum((Fraction(one["share"]) for one in rights), Fraction())


def refusal(act: Callable[[], object]) -> tuple[str, str]:
    with pytest.raises(PayloadError) as caught:
        act()
    return caught.value.field, caught.value.reason

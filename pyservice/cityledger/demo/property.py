"""Synthetic land titles."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from random import Random

from cityledger.demo.draft import Draft, decimal
from cityledger.demo.people import Person

_STREETS = (
    ("东城区", "东四北大街", "110101"),
    ("西城区", "西单北大街", "110102"),
    ("朝阳区", "建国路", "110105"),
    ("海淀区", "中关村大街", "110108"),
    ("丰台区", "方庄路", "110106"),
    ("通州区", "新华西街", "110112"),
)
_BANKS = ("中国工商银行北京分行", "中国建设银行北京分行", "北京银行")


def title(random: Random, owners: Sequence[Person], number: int, at: datetime, *, contested: bool) -> Draft:
    """A flat that its owners hold in equal shares, mortgaged about every second time."""
    since = at - timedelta(days=random.randint(30, 9_000))
    parts: dict[str, object] = {
        "title": _unit(random, number, "apartment", since),
        "rights": [_ownership(index, len(owners), since) for index in range(1, len(owners) + 1)],
        "parties": [_party(index, owner) for index, owner in enumerate(owners, start=1)],
    }
    charges = [_objection(number, at)] if contested else []
    if random.random() < 1 / 2:
        charges.append(_mortgage(random, number, since))
    if charges:
        parts["charges"] = charges
    return Draft(f"京({since:%Y})不动产权第{number:07}号", tuple(owner.key for owner in owners), parts)


def state_parcel(random: Random, number: int, at: datetime) -> Draft:
    """A state-owned parcel without persons."""
    since = at - timedelta(days=random.randint(3_000, 9_000))
    return Draft(f"JD-{number:07}", (), {"title": _unit(random, number, "stateLand", since)})


def _unit(random: Random, number: int, kind: str, since: datetime) -> Mapping[str, object]:
    district, street, code = random.choice(_STREETS)
    area = decimal(random, 3_800, 21_000) if kind == "apartment" else decimal(random, 100_000, 9_000_000)
    address = {"district": district, "street": f"{street}{random.randint(1, 199)}号"}
    if kind == "apartment":
        address |= {
            "building": f"{random.randint(1, 20)}号楼",
            "unit": f"{random.randint(1, 24)}{random.randint(1, 4):02}",
        }
    return {
        "uid": f"{code}001001GB{number:05}F00010001",
        "type": kind,
        "address": address,
        "area": {"value": area, "unit": "m2"},
        "usage": "住宅" if kind == "apartment" else "公共管理与公共服务用地",
        "registered": f"{since:%Y-%m-%d}",
    }


def _ownership(index: int, owners: int, since: datetime) -> Mapping[str, object]:
    return {"type": "ownership", "share": f"1/{owners}", "party": f"P{index}", "since": f"{since:%Y-%m-%d}"}


def _party(index: int, owner: Person) -> Mapping[str, object]:
    return {"pid": f"P{index}", "type": "naturalPerson", "name": owner.name}


def _mortgage(random: Random, number: int, since: datetime) -> Mapping[str, object]:
    return {
        "cid": f"DY-{number:07}",
        "type": "mortgage",
        "holder": random.choice(_BANKS),
        "since": f"{since:%Y-%m-%d}",
        "amount": {"value": decimal(random, 50_000_000, 600_000_000), "currency": "CNY"},
        "ranking": 1,
    }


def _objection(number: int, at: datetime) -> Mapping[str, object]:
    since = at - timedelta(days=10)
    return {
        "cid": f"YY-{number:07}",
        "type": "noticeOfObjection",
        "holder": "利害关系人",
        "since": f"{since:%Y-%m-%d}",
    }

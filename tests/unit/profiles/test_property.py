import json
from typing import Any

import pytest

from cityledger.errors import PayloadError
from cityledger.profiles.property import PROPERTY

TITLE = {
    "uid": "110105001001GB00001F00010001",
    "type": "apartment",
    "address": {"district": "朝阳区", "street": "建国路88号", "unit": "1201"},
    "area": {"value": 89.50, "unit": "m2"},
}
RIGHTS = [
    {"type": "ownership", "share": "1/2", "party": "P1", "since": "2019-05-01"},
    {"type": "ownership", "share": "1/2", "party": "P2", "since": "2019-05-01"},
]
MORTGAGE = {
    "cid": "M1",
    "type": "mortgage",
    "holder": "中国银行",
    "since": "2019-05-01",
    "amount": {"value": 1250000.50, "currency": "CNY"},
    "ranking": 1,
}
PARTIES = [
    {"pid": "P1", "type": "naturalPerson", "name": "王秀英"},
    {"pid": "P2", "type": "naturalPerson", "name": "李伟"},
]


def validate(**parts: object) -> None:
    PROPERTY.validate({name: json.dumps(part).encode() for name, part in parts.items()})


def changed(first: dict[str, Any], **changes: object) -> dict[str, Any]:
    return {name: value for name, value in {**first, **changes}.items() if value is not ...}


def test_validate_takes_a_whole_title_and_its_first_part_alone() -> None:
    validate(title=TITLE, rights=RIGHTS, charges=[MORTGAGE], parties=PARTIES)
    validate(title=TITLE)


def test_validate_takes_thirds() -> None:
    validate(title=TITLE, rights=[changed(RIGHTS[0], share="1/3")] * 3)


def test_validate_does_not_count_ended_rights() -> None:
    ended = changed(RIGHTS[0], share="1/1", since="2001-01-01", until="2019-05-01")
    validate(title=TITLE, rights=[ended, *RIGHTS])


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "unknown field": ({"title": changed(TITLE, owner="x")}, "title.owner"),
    "unknown type": ({"title": changed(TITLE, type="house")}, "title.type"),
    "no unit of area": ({"title": changed(TITLE, area={"value": 89})}, "title.area.unit"),
    "area of nothing": ({"title": changed(TITLE, area={"value": 0, "unit": "m2"})}, "title.area.value"),
    "area as text": ({"title": changed(TITLE, area={"value": "89", "unit": "m2"})}, "title.area.value"),
    "no street": ({"title": changed(TITLE, address={"district": "朝阳区"})}, "title.address.street"),
    "one object for a list": ({"title": TITLE, "rights": RIGHTS[0]}, "rights"),
    "share as decimal": ({"title": TITLE, "rights": [changed(RIGHTS[0], share=0.5)]}, "rights[0].share"),
    "share above one": ({"title": TITLE, "rights": [changed(RIGHTS[0], share="3/2")]}, "rights[0].share"),
    "share by zero": ({"title": TITLE, "rights": [changed(RIGHTS[0], share="1/0")]}, "rights[0].share"),
    "three halves": ({"title": TITLE, "rights": [*RIGHTS, RIGHTS[0]]}, "rights[2].share"),
    "no such day": ({"title": TITLE, "rights": [changed(RIGHTS[0], since="2019-02-30")]}, "rights[0].since"),
    "ends before": ({"title": TITLE, "rights": [changed(RIGHTS[0], until="2019-05-01")]}, "rights[0].until"),
    "no amount": ({"title": TITLE, "charges": [changed(MORTGAGE, amount=...)]}, "charges[0].amount"),
    "charge twice": ({"title": TITLE, "charges": [MORTGAGE, MORTGAGE]}, "charges[1].cid"),
    "party twice": ({"title": TITLE, "parties": [PARTIES[0], PARTIES[0]]}, "parties[1].pid"),
    "party unlisted": ({"title": TITLE, "rights": RIGHTS, "parties": PARTIES[:1]}, "rights[1].party"),
}


@pytest.mark.parametrize(("parts", "field"), REFUSED.values(), ids=REFUSED)
def test_validate_refuses_and_names_the_field(parts: dict[str, Any], field: str) -> None:
    with pytest.raises(PayloadError) as caught:
        validate(**parts)
    assert caught.value.field == f"parts.{field}"


@pytest.mark.parametrize("field", ["uid", "type", "registered", "area", "address"])
def test_refusal_does_not_repeat_the_value(field: str) -> None:
    with pytest.raises(PayloadError) as caught:
        validate(title=changed(TITLE, **{field: "王秀英的房子"}))
    assert "王秀英" not in str(caught.value)

import json
from typing import Any

import pytest

from cityledger.errors import PayloadError
from cityledger.profiles.property import PROPERTY, TITLE_UID, identifiers_of

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
TRANSFER = {
    "type": "transfer",
    "date": "2019-05-01",
    "number": "京朝不动产2019-0501",
    "right": "ownership",
    "share": "1/2",
    "from": "P1",
    "to": "P2",
    "price": {"value": 3200000.00, "currency": "CNY"},
}
CHARGED = {"type": "charge", "date": "2019-05-01", "from": "P1", "charge": "M1"}
SALE = {
    "type": "sale",
    "date": "2015-01",
    "price": {"value": 255000, "currency": "SGD"},
    "address": {"country": "SG", "town": "ANG MO KIO", "street": "ANG MO KIO AVE 4", "postcode": "560174"},
    "areas": [{"of": "building", "value": 60.3, "unit": "m2"}],
    "tenure": "leasehold",
    "unitType": "3 ROOM",
    "newBuild": False,
    "source": {"format": "hdb-resale", "columns": {"month": "2015-01", "flat_model": ""}},
}


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


def test_validate_takes_a_right_that_ends_on_the_day_it_began() -> None:
    validate(title=TITLE, rights=[changed(RIGHTS[0], until=RIGHTS[0]["since"])])


@pytest.mark.parametrize(
    "act",
    [
        {"type": "registration", "date": "2019-05-01"},
        TRANSFER,
        CHARGED,
        {"type": "discharge", "date": "2019-05-01", "charge": "M1"},
        {"type": "rectification", "date": "2019-05-01", "basis": "京朝更正2019-7"},
    ],
    ids=lambda act: str(act["type"]),
)
def test_validate_takes_the_act_beside_the_title_that_it_made(act: dict[str, Any]) -> None:
    validate(title=TITLE, rights=RIGHTS, charges=[MORTGAGE], parties=PARTIES, transaction=act)


def test_validate_takes_a_sale_by_itself_and_one_of_a_title() -> None:
    validate(transaction=SALE)
    validate(title=TITLE, transaction=SALE)


def test_validate_takes_the_attachment_as_a_stream_only() -> None:
    PROPERTY.validate({"title": json.dumps(TITLE).encode()}, streams=["attachment"])
    with pytest.raises(PayloadError, match="this part is a stream"):
        PROPERTY.validate({"title": json.dumps(TITLE).encode(), "attachment": b"{}"})


def test_attachment_alone_is_no_record() -> None:
    with pytest.raises(PayloadError, match=r"parts: must hold a title, or the transaction of a sale"):
        PROPERTY.validate({}, streams=["attachment"])


def test_parts_keep_the_order_of_their_bits() -> None:
    assert PROPERTY.part_names == ("title", "rights", "charges", "parties", "transaction", "attachment")


def test_identifiers_are_the_unit_number_of_a_title_and_nothing_of_a_sale() -> None:
    assert identifiers_of({"title": json.dumps(TITLE).encode()}) == ((TITLE_UID, TITLE["uid"]),)
    assert identifiers_of({"transaction": json.dumps(SALE).encode()}) == ()


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
    "ends before": ({"title": TITLE, "rights": [changed(RIGHTS[0], until="2019-04-30")]}, "rights[0].until"),
    "no amount": ({"title": TITLE, "charges": [changed(MORTGAGE, amount=...)]}, "charges[0].amount"),
    "charge twice": ({"title": TITLE, "charges": [MORTGAGE, MORTGAGE]}, "charges[1].cid"),
    "party twice": ({"title": TITLE, "parties": [PARTIES[0], PARTIES[0]]}, "parties[1].pid"),
    "no part": ({}, ""),
    "rights alone": ({"rights": RIGHTS}, ""),
    "rights with a sale": ({"rights": RIGHTS, "transaction": SALE}, "title"),
    "act without its title": ({"transaction": {"type": "registration", "date": "2019-05-01"}}, "title"),
    "act by its month": (
        {"title": TITLE, "transaction": {"type": "registration", "date": "2019-05"}},
        "transaction.date",
    ),
    "sale of no such month": ({"transaction": changed(SALE, date="2019-13")}, "transaction.date"),
    "sale without price": ({"transaction": changed(SALE, price=...)}, "transaction.price"),
    "sale with null price": ({"transaction": changed(SALE, price=None)}, "transaction.price"),
    "sale that moves a share": ({"transaction": changed(SALE, share="1/2")}, "transaction.share"),
    "sale of an empty source": (
        {"transaction": changed(SALE, source={"format": "hdb-resale", "columns": {}})},
        "transaction.source.columns",
    ),
    "sale with a number for a cell": (
        {"transaction": changed(SALE, source={"format": "hdb-resale", "columns": {"month": 1}})},
        "transaction.source.columns.month",
    ),
    "sale nowhere": ({"transaction": changed(SALE, address={"country": "SG"})}, "transaction.address"),
    "sale at an English postcode in China": (
        {"transaction": changed(SALE, address={"country": "CN", "postcode": "PO33 2EQ"})},
        "transaction.address.postcode",
    ),
    "transfer to itself": ({"title": TITLE, "transaction": changed(TRANSFER, to="P1")}, "transaction.to"),
    "transfer to none": (
        {"title": TITLE, "transaction": changed(TRANSFER, to=...)},
        "transaction.to",
    ),
    "transfer to an unlisted party": (
        {"title": TITLE, "rights": RIGHTS, "parties": PARTIES, "transaction": changed(TRANSFER, to="P9")},
        "transaction.to",
    ),
    "charge that is not there": ({"title": TITLE, "transaction": CHARGED}, "transaction.charge"),
    "discharge with a tenure": (
        {"title": TITLE, "transaction": changed(CHARGED, type="discharge", tenure="freehold")},
        "transaction.from",
    ),
    "party unlisted": ({"title": TITLE, "rights": RIGHTS, "parties": PARTIES[:1]}, "rights[1].party"),
}


@pytest.mark.parametrize(("parts", "field"), REFUSED.values(), ids=REFUSED)
def test_validate_refuses_and_names_the_field(parts: dict[str, Any], field: str) -> None:
    with pytest.raises(PayloadError) as caught:
        validate(**parts)
    assert caught.value.field == f"parts.{field}".removesuffix(".")


@pytest.mark.parametrize("field", ["uid", "type", "registered", "area", "address"])
def test_refusal_does_not_repeat_the_value(field: str) -> None:
    with pytest.raises(PayloadError) as caught:
        validate(title=changed(TITLE, **{field: "王秀英的房子"}))
    assert "王秀英" not in str(caught.value)

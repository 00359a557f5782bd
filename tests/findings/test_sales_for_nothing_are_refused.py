"""A land transaction with a total price of 0, a deal between relatives as its remark said, was refused."""

from __future__ import annotations

import io
import json

import pytest

from cityledger.formats import registry
from cityledger.formats.land_hdb import LAYOUT as HDB
from cityledger.formats.land_sale import ZERO_PRICE
from cityledger.formats.land_tw_lvr import LAYOUT as TW
from cityledger.formats.options import ImportOptions
from cityledger.formats.rows import RejectedRow, Row
from cityledger.profiles import registry as profiles

HDB_ROW = dict.fromkeys(HDB.required, "1") | {"month": "2017-01", "town": "T", "street_name": "S"}
TW_ROW = dict.fromkeys((*TW.required, "車位移轉總面積平方公尺"), "") | {
    "鄉鎮市區": "中正區",
    "交易年月日": "1080630",
    "編號": "RPOOM",
}


def table(row: dict[str, str], headers: int = 1) -> bytes:
    return "\n".join([",".join(row)] * headers + [",".join(row.values())]).encode()


def file_with(format_: str, price: str) -> bytes:
    if format_ == "hmlr-price-paid":
        return (
            b"{F887F88E-7D15-4415-804E-52EAC2F10958},%s,1995-07-07 00:00,M,D,N,F,31,,A,B,C,D,E,A,A"
            % price.encode()
        )
    if format_ == "hdb-resale":
        return table(HDB_ROW | {"resale_price": price})
    return table(TW_ROW | {"總價元": price}, headers=2)


def only(format_: str, price: str) -> Row | RejectedRow:
    (row,) = registry.get(format_).read(io.BytesIO(file_with(format_, price)), ImportOptions())
    return row


@pytest.mark.parametrize("price", ["0", "0.00"])
@pytest.mark.parametrize("format_", ["hmlr-price-paid", "hdb-resale", "tw-lvr"])
def test_a_price_of_nothing_is_kept_and_flagged(format_: str, price: str) -> None:
    row = only(format_, price)
    assert isinstance(row, Row), row
    assert row.flags == (ZERO_PRICE,)
    profiles.get("property").validate(row.parts)
    assert f'"value":{price}'.encode() in row.parts["transaction"]


@pytest.mark.parametrize("price", ["", "-1", "1e3", "NaN", "0x1", "٠"])
@pytest.mark.parametrize("format_", ["hmlr-price-paid", "hdb-resale", "tw-lvr"])
def test_what_is_no_price_is_still_refused(format_: str, price: str) -> None:
    assert isinstance(only(format_, price), RejectedRow)


@pytest.mark.parametrize("format_", ["hmlr-price-paid", "hdb-resale", "tw-lvr"])
def test_other_prices_have_no_flag(format_: str) -> None:
    row = only(format_, "7490000")
    assert isinstance(row, Row)
    assert row.flags == ()
    assert json.loads(row.parts["transaction"])["price"]["value"] == 7_490_000

"""[LA_AdministrativeSource] The act that made a version of a title, or a sale that was reported by itself.

It names no person: it refers to parties by ``pid``. A reported sale includes its source row, so that nothing
is lost for which this model has no field.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, StringConstraints, TypeAdapter

from cityledger.errors import PayloadError
from cityledger.profiles.fields import Ascii, Element, Identifier, Name, Number, Share, Text, fits
from cityledger.profiles.land_values import Price
from cityledger.strict_json import Json

MAX_COLUMNS = 256

RightType = Literal["ownership", "usufruct", "leasehold", "superficies", "occupation", "servitude"]


def _day_or_month(text: str) -> str:
    date.fromisoformat(text if len(text) == 10 else f"{text}-01")
    return text


DayOrMonth = Annotated[
    str, StringConstraints(pattern=r"^\d{4}-\d{2}(-\d{2})?$"), Ascii, AfterValidator(_day_or_month)
]
"""ISO 8601 ``YYYY-MM-DD``, or ``YYYY-MM`` if the source gives no day: none is invented."""
FormatName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,63}$")]
Cell = Annotated[str, StringConstraints(max_length=20_000)]


class ReportedAddress(Element):
    """The address of a sold unit, in the terms of the country that reports it; missing members are absent."""

    country: Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")]
    """ISO 3166-1 alpha-2. It also determines the form of the postcode."""
    region: Name | None = None
    district: Name | None = None
    town: Name | None = None
    locality: Name | None = None
    street: Text | None = None
    building: Name | None = None
    unit: Name | None = None
    postcode: Annotated[str, StringConstraints(min_length=1, max_length=16)] | None = None


class ReportedArea(Element):
    """A transferred area. ``of`` is what it measures: a flat has an area and a share of the land."""

    of: Literal["land", "building", "parking"]
    value: Annotated[Number, Field(gt=0)]
    unit: Literal["m2", "ha", "mu"]


class Source(Element):
    """The row of a file: every column by its own name, and each cell exactly as written, "" where empty."""

    format: FormatName
    columns: Annotated[dict[Name, Cell], Field(min_length=1, max_length=MAX_COLUMNS)]


class Transaction(Element):
    type: Literal[
        "registration",
        "transfer",
        "charge",
        "discharge",
        "restriction",
        "withdrawalOfRestriction",
        "rectification",
        "sale",
    ]
    date: DayOrMonth
    number: Name | None = None
    """[LA_Source.sID] The number under which the act was accepted."""
    basis: Text | None = None
    """[LA_AdministrativeSource.text] The document that it is based on: a contract, judgement or decision, by
    its number."""
    right: RightType | None = None
    share: Share | None = None
    from_: Annotated[Identifier | None, Field(alias="from")] = None
    """The pid of the party that gives."""
    to: Identifier | None = None
    charge: Identifier | None = None
    """The cid of the charge or restriction that begins or ends."""
    price: Price | None = None
    address: ReportedAddress | None = None
    areas: Annotated[list[ReportedArea], Field(min_length=1, max_length=16)] | None = None
    tenure: Literal["freehold", "leasehold"] | None = None
    unit_type: Name | None = None
    usage: Name | None = None
    category: Name | None = None
    new_build: bool | None = None
    source: Source | None = None


TRANSACTION = TypeAdapter(Transaction)

_ALWAYS = frozenset({"type", "date", "number", "basis"})
_OF_A_SALE = frozenset(
    {"price", "address", "areas", "tenure", "unitType", "usage", "category", "newBuild", "source"}
)
_NEEDS: Mapping[str, frozenset[str]] = {
    "registration": frozenset(),
    "transfer": frozenset({"right", "share", "from", "to"}),
    "charge": frozenset({"charge", "from"}),
    "discharge": frozenset({"charge"}),
    "restriction": frozenset({"charge"}),
    "withdrawalOfRestriction": frozenset({"charge"}),
    "rectification": frozenset({"basis"}),
    "sale": frozenset({"price"}),
}
"""The fields of each act in addition to those of every act."""
_MAY: Mapping[str, frozenset[str]] = {
    "registration": frozenset({"price"}),
    "transfer": frozenset({"price"}),
    "sale": _OF_A_SALE,
}
_CHINESE_POSTCODE = re.compile(r"\d{6}", re.ASCII)


def check_transaction(value: Json, path: str) -> None:
    """Raises PayloadError if a field is wrong, missing or not of this type of act."""
    transaction = fits(TRANSACTION, value, path)
    _refuse_foreign(transaction, path)
    if transaction.type != "sale" and len(transaction.date) != 10:
        raise PayloadError(f"{path}.date", "must be a day; only a sale may be reported by its month alone")
    if transaction.from_ is not None and transaction.from_ == transaction.to:
        raise PayloadError(f"{path}.to", "must be another party than from")
    if transaction.address is not None:
        _check_address(transaction.address, f"{path}.address")


def _refuse_foreign(transaction: Transaction, path: str) -> None:
    given, needed = _given(transaction), _NEEDS[transaction.type]
    for name in sorted(needed - given):
        raise PayloadError(f"{path}.{name}", f"this field is required of the type {transaction.type}")
    for name in sorted(given - needed - _ALWAYS - _MAY.get(transaction.type, frozenset())):
        raise PayloadError(f"{path}.{name}", f"does not belong to the type {transaction.type}")


def _given(transaction: Transaction) -> set[str]:
    names = {name: field.alias or name for name, field in Transaction.model_fields.items()}
    return {alias for name, alias in names.items() if getattr(transaction, name) is not None}


def _check_address(address: ReportedAddress, path: str) -> None:
    if address.model_fields_set == {"country"}:
        raise PayloadError(path, "must hold more than a country")
    if address.country == "CN" and address.postcode and not _CHINESE_POSTCODE.fullmatch(address.postcode):
        raise PayloadError(f"{path}.postcode", "must be six digits in CN")

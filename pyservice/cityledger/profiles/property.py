"""Land registration after ISO 19152:2012 (LADM): basic administrative unit, rights, restrictions, parties.

The class names of the standard are in brackets. Rights name parties by ``pid``, so that shares can be read
without the part that holds names. ``transaction`` of each version of a title names the act that made it, so
the chain of versions is the title's history; :mod:`cityledger.profiles.title_acts` makes the next one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints, TypeAdapter

from cityledger.errors import PayloadError
from cityledger.profiles.fields import Ascii, CivilDate, Element, Identifier, Name, Share, Text, fits
from cityledger.profiles.land_values import Amount, Area
from cityledger.profiles.profile import Parts, Profile, ProfilePart
from cityledger.profiles.transaction import TRANSACTION, RightType, check_transaction
from cityledger.strict_json import Json, parse

TITLE_UID = "urn:cityledger:title-uid"
"""System of the business identifier by which a title can be found: its real-estate unit number."""


class Address(Element):
    district: Name
    street: Text
    building: Name | None = None
    unit: Name | None = None
    postcode: Annotated[str, StringConstraints(pattern=r"^\d{6}$"), Ascii] | None = None


class Title(Element):
    """[LA_BAUnit] The owned unit. ``uid`` is the real-estate unit number."""

    uid: Identifier
    type: Literal["basicPropertyUnit", "apartment", "leasehold", "collectiveLand", "stateLand"]
    address: Address
    area: Area
    usage: Name | None = None
    registered: CivilDate | None = None


class Right(Element):
    """[LA_Right] ``share`` is the party's part of this type of right."""

    type: RightType
    share: Share
    party: Identifier
    since: CivilDate
    until: CivilDate | None = None


class Charge(Element):
    """[LA_Mortgage, LA_Restriction] A charge on the unit. ``ranking`` counts from 1: first to be paid."""

    cid: Identifier
    type: Literal["mortgage", "seizure", "noticeOfObjection", "advanceNotice", "heritage"]
    holder: Name
    since: CivilDate
    until: CivilDate | None = None
    amount: Amount | None = None
    ranking: Annotated[int, Field(ge=1, le=99)] | None = None


class Party(Element):
    """[LA_Party] Personal data: only this part names people."""

    pid: Identifier
    type: Literal["naturalPerson", "nonNaturalPerson", "group"]
    name: Name
    role: Name | None = None


_TITLE = TypeAdapter(Title)
_RIGHTS = TypeAdapter(Annotated[list[Right], Field(min_length=1, max_length=1_000)])
_CHARGES = TypeAdapter(Annotated[list[Charge], Field(min_length=1, max_length=1_000)])
_PARTIES = TypeAdapter(Annotated[list[Party], Field(min_length=1, max_length=1_000)])

MODELS: Mapping[str, TypeAdapter[Any]] = {
    "title": _TITLE,
    "rights": _RIGHTS,
    "charges": _CHARGES,
    "parties": _PARTIES,
    "transaction": TRANSACTION,
}


def _check_title(value: Json, path: str) -> None:
    fits(_TITLE, value, path)


def _check_rights(value: Json, path: str) -> None:
    rights = fits(_RIGHTS, value, path)
    _refuse_reversed([(right.since, right.until) for right in rights], path)
    shares: dict[str, Fraction] = {}
    for index, right in enumerate(rights):
        if right.until is None:
            shares[right.type] = shares.get(right.type, Fraction()) + Fraction(right.share)
        if shares.get(right.type, 0) > 1:
            raise PayloadError(
                f"{path}[{index}].share", f"the shares of {right.type} add up to more than 1/1"
            )


def _check_charges(value: Json, path: str) -> None:
    charges = fits(_CHARGES, value, path)
    _refuse_reversed([(charge.since, charge.until) for charge in charges], path)
    _refuse_repeats([charge.cid for charge in charges], path, "cid")
    for index, charge in enumerate(charges):
        if charge.type == "mortgage" and charge.amount is None:
            raise PayloadError(f"{path}[{index}].amount", "a mortgage has an amount")


def _check_parties(value: Json, path: str) -> None:
    _refuse_repeats([party.pid for party in fits(_PARTIES, value, path)], path, "pid")


def _check_together(values: Mapping[str, Json]) -> None:
    """Requires a title, or a sale by itself; each reference to a party or a charge must resolve."""
    if "title" not in values:
        _refuse_without_title(values)
    parties, charges = values.get("parties"), values.get("charges")
    pids = None if parties is None else {party.pid for party in _PARTIES.validate_python(parties)}
    cids = set() if charges is None else {one.cid for one in _CHARGES.validate_python(charges)}
    if pids is not None and "rights" in values:
        _refuse_unlisted_owners(values["rights"], pids)
    if "transaction" in values:
        _refuse_unlisted(values["transaction"], pids, cids)


def _refuse_without_title(values: Mapping[str, Json]) -> None:
    transaction = values.get("transaction")
    if transaction is None:
        raise PayloadError("parts", "must hold a title, or the transaction of a sale")
    if TRANSACTION.validate_python(transaction).type != "sale":
        raise PayloadError("parts.title", "an act needs the title that it made")
    for name in ("rights", "charges", "parties"):
        if name in values:
            raise PayloadError("parts.title", f"{name} need a title, which is missing")


def _refuse_unlisted_owners(rights: Json, pids: set[str]) -> None:
    for index, right in enumerate(_RIGHTS.validate_python(rights)):
        if right.party not in pids:
            raise PayloadError(f"parts.rights[{index}].party", "no party with this pid in parts.parties")


def _refuse_unlisted(transaction: Json, pids: set[str] | None, cids: set[str]) -> None:
    act = TRANSACTION.validate_python(transaction)
    for name, pid in (("from", act.from_), ("to", act.to)):
        if pid is not None and pids is not None and pid not in pids:
            raise PayloadError(f"parts.transaction.{name}", "no party with this pid in parts.parties")
    if act.charge is not None and act.charge not in cids:
        raise PayloadError("parts.transaction.charge", "no charge with this cid in parts.charges")


def identifiers_of(parts: Parts) -> tuple[tuple[str, str], ...]:
    """The real-estate unit number of a title; a sale by itself has none."""
    title = parse(parts["title"], max_bytes=len(parts["title"])) if "title" in parts else None
    return ((TITLE_UID, str(title["uid"])),) if isinstance(title, dict) else ()


def _refuse_reversed(intervals: Sequence[tuple[str, str | None]], path: str) -> None:
    for index, (since, until) in enumerate(intervals):
        # The same day is possible: a unit bought in the morning may be sold in the afternoon.
        if until is not None and until < since:
            raise PayloadError(f"{path}[{index}].until", "must not be before since")


def _refuse_repeats(ids: Sequence[str], path: str, field: str) -> None:
    seen: set[str] = set()
    for index, one in enumerate(ids):
        if one in seen:
            raise PayloadError(f"{path}[{index}].{field}", f"this {field} occurs twice")
        seen.add(one)


PROPERTY = Profile(
    name="property",
    title="Real-estate registration (ISO 19152 LADM)",
    parts=(
        ProfilePart("title", "application/json", required=False, check=_check_title, padding=11),
        ProfilePart("rights", "application/json", required=False, check=_check_rights, padding=11),
        ProfilePart("charges", "application/json", required=False, check=_check_charges, padding=11),
        ProfilePart("parties", "application/json", required=False, check=_check_parties, padding=11),
        ProfilePart("transaction", "application/json", required=False, check=check_transaction, padding=11),
        ProfilePart("attachment", "application/octet-stream", required=False, check=None, padding=11),
    ),
    check_together=_check_together,
    identifiers_of=identifiers_of,
)

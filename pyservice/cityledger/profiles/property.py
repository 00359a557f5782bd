"""Land registration after ISO 19152:2012 (LADM): basic administrative unit, rights, restrictions, parties.

The class names of the standard stand in brackets. Rights name parties by ``pid``, so that shares can be read
without the part that holds names.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints, TypeAdapter

from cityledger.errors import PayloadError
from cityledger.profiles.fields import CivilDate, Element, Identifier, Name, Number, Share, Text, fits
from cityledger.profiles.profile import Profile, ProfilePart
from cityledger.strict_json import Json

Currency = Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")]
"""ISO 4217 code."""


class Area(Element):
    """[LA_AreaValue]"""

    value: Annotated[Number, Field(gt=0)]
    unit: Literal["m2", "ha", "mu"]
    kind: Literal["officialArea", "surveyedArea", "calculatedArea"] = "officialArea"


class Address(Element):
    district: Name
    street: Text
    building: Name | None = None
    unit: Name | None = None
    postcode: Annotated[str, StringConstraints(pattern=r"^\d{6}$")] | None = None


class Title(Element):
    """[LA_BAUnit] The thing that is owned. ``uid`` is the real-estate unit number."""

    uid: Identifier
    type: Literal["basicPropertyUnit", "apartment", "leasehold", "collectiveLand", "stateLand"]
    address: Address
    area: Area
    usage: Name | None = None
    registered: CivilDate | None = None


class Right(Element):
    """[LA_Right] ``share`` is the party's part of this type of right."""

    type: Literal["ownership", "usufruct", "leasehold", "superficies", "occupation", "servitude"]
    share: Share
    party: Identifier
    since: CivilDate
    until: CivilDate | None = None


class Amount(Element):
    value: Annotated[Number, Field(gt=0)]
    currency: Currency


class Charge(Element):
    """[LA_Mortgage, LA_Restriction] What lies on the unit. ``ranking`` counts from 1: first to be paid."""

    cid: Identifier
    type: Literal["mortgage", "seizure", "noticeOfObjection", "advanceNotice", "heritage"]
    holder: Name
    since: CivilDate
    until: CivilDate | None = None
    amount: Amount | None = None
    ranking: Annotated[int, Field(ge=1, le=99)] | None = None


class Party(Element):
    """[LA_Party] Personal: this part alone names people."""

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
    """Each right's party is listed, where parties are given at all."""
    if "rights" not in values or "parties" not in values:
        return
    known = {party.pid for party in _PARTIES.validate_python(values["parties"])}
    for index, right in enumerate(_RIGHTS.validate_python(values["rights"])):
        if right.party not in known:
            raise PayloadError(f"parts.rights[{index}].party", "no party with this pid in parts.parties")


def _refuse_reversed(intervals: Sequence[tuple[str, str | None]], path: str) -> None:
    for index, (since, until) in enumerate(intervals):
        if until is not None and until <= since:
            raise PayloadError(f"{path}[{index}].until", "must be after since")


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
        ProfilePart("title", "application/json", required=True, check=_check_title),
        ProfilePart("rights", "application/json", required=False, check=_check_rights),
        ProfilePart("charges", "application/json", required=False, check=_check_charges),
        ProfilePart("parties", "application/json", required=False, check=_check_parties),
    ),
    check_together=_check_together,
)

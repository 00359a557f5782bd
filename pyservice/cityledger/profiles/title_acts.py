"""The acts of a land registry: each makes the next version of a title from its newest one, or refuses.

An act is pure: it returns the JSON parts of the next version from those of the newest, to be written with
``expected_version``, so that only one of two acts on one version is stored. Entries are never removed: a
right or charge that ends gets the day on which it ended, and every other byte stays.

Refusals are PayloadErrors of the impossible field of the new version, such as ``parts.transaction.share``.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from fractions import Fraction
from typing import Literal

from pydantic import TypeAdapter

from cityledger.errors import PayloadError
from cityledger.profiles.fields import CivilDate, Share, fits
from cityledger.profiles.profile import Parts
from cityledger.profiles.property import Charge, Party, Right
from cityledger.profiles.title_version import (
    Entry,
    TitleVersion,
    ended,
    new_entry,
    read_version,
    write,
    write_version,
)

RESTRICTIONS = ("seizure", "noticeOfObjection", "advanceNotice", "heritage")
_BARS = {
    "seizure": "a seizure is in force, so the title can be neither transferred nor charged",
    "advanceNotice": "an advance notice is in force: its holder must consent to this act",
    "noticeOfObjection": "a notice of objection is in force: the acquiring party must accept the risk",
}
"""Restrictions that prevent a transfer or charge. Protection as heritage prevents neither."""
_WAIVABLE = frozenset({"advanceNotice", "noticeOfObjection"})
_SHARE, _DAY = TypeAdapter(Share), TypeAdapter(CivilDate)
_MAX_DENOMINATOR = 999_999_999


@dataclass(frozen=True, slots=True)
class Entered:
    """The entry of an act: its day (``YYYY-MM-DD``), its number, and the document that it is based on."""

    day: str
    number: str | None = None
    basis: str | None = None


@dataclass(frozen=True, slots=True)
class NewParty:
    """A person or body that is not among the title's parties yet. ``type`` as in [LA_PartyType]."""

    pid: str
    name: str
    type: Literal["naturalPerson", "nonNaturalPerson", "group"] = "naturalPerson"


@dataclass(frozen=True, slots=True)
class Money:
    """``currency`` is a code of ISO 4217."""

    value: Decimal
    currency: str = "CNY"


@dataclass(frozen=True, slots=True)
class Mortgage:
    """``ranking`` counts from 1; None comes after all that are in force."""

    cid: str
    holder: str
    amount: Money
    ranking: int | None = None


def register(
    title: bytes | Mapping[str, object], owners: Sequence[tuple[NewParty, str]], entered: Entered
) -> dict[str, bytes]:
    """Makes the first version of a title, with the owners' shares, which add up to 1/1."""
    fits(_DAY, entered.day, "parts.transaction.date")
    rights = [
        _right("ownership", _fraction(share), owner.pid, entered, at)
        for at, (owner, share) in enumerate(owners)
    ]
    if sum(Fraction(one.value.share) for one in rights) != 1:
        raise PayloadError("parts.rights", "the shares of ownership must add up to 1/1")
    parties = tuple(_party(owner, at) for at, (owner, _) in enumerate(owners))
    written = title if isinstance(title, bytes) else write(title)
    first = TitleVersion(written, tuple(rights), (), parties, entered.day)
    return write_version(first, _act("registration", entered))


def transfer(
    parts: Parts,
    giver: str,
    taker: str | NewParty,
    share: str,
    entered: Entered,
    *,
    price: Money | None = None,
    right: str = "ownership",
    despite: Collection[str] = (),
) -> dict[str, bytes]:
    """Moves a share of a right from one party to another; mortgages stay on the title.

    ``share`` is of the whole right: half of a half is ``1/4``. ``despite`` holds the cids of advance notices
    whose holders consent, and of notices of objection whose risk the acquirer accepts.
    """
    version = _read(parts, entered)
    _refuse_barred(version, entered, despite)
    moved, owned = _fraction(share), version.share(giver, right)
    if not owned:
        raise PayloadError("parts.transaction.from", f"this party has no {right} of the title")
    if moved > owned:
        raise PayloadError("parts.transaction.share", "is more than the giving party has")
    pid = taker if isinstance(taker, str) else taker.pid
    moving = _Moving(right, giver, pid, moved)
    following = replace(version, rights=_moved(version, moving, entered), parties=_with_party(version, taker))
    act = {"right": right, "share": _written(moved), "from": giver, "to": pid, "price": _money(price)}
    return write_version(following, _act("transfer", entered, **act))


def charge(
    parts: Parts, by: str, mortgage: Mortgage, entered: Entered, *, despite: Collection[str] = ()
) -> dict[str, bytes]:
    """Enters a mortgage on the title, granted by one of its owners. ``despite`` is as for a transfer."""
    version = _read(parts, entered)
    _refuse_barred(version, entered, despite)
    if not version.share(by, "ownership"):
        raise PayloadError("parts.transaction.from", "this party has no ownership of the title")
    members = {
        "cid": mortgage.cid,
        "type": "mortgage",
        "holder": mortgage.holder,
        "since": entered.day,
        "amount": _money(mortgage.amount),
        "ranking": _ranking(version, mortgage, entered),
    }
    act = {"from": by, "charge": mortgage.cid}
    return write_version(_with_charge(version, members), _act("charge", entered, **act))


def restrict(parts: Parts, cid: str, kind: str, holder: str, entered: Entered) -> dict[str, bytes]:
    """Enters a restriction, which needs no owner's consent. A seizure is based on the order of a court.

    ``kind`` is one of RESTRICTIONS.
    """
    version = _read(parts, entered)
    if kind not in RESTRICTIONS:
        raise PayloadError("parts.charges.type", f"must be one of {', '.join(RESTRICTIONS)}")
    if kind == "seizure" and entered.basis is None:
        raise PayloadError("parts.transaction.basis", "a seizure must name the order that it is based on")
    members = {"cid": cid, "type": kind, "holder": holder, "since": entered.day}
    return write_version(_with_charge(version, members), _act("restriction", entered, charge=cid))


def discharge(parts: Parts, cid: str, entered: Entered) -> dict[str, bytes]:
    """Ends a mortgage."""
    version = _ending(_read(parts, entered), cid, ("mortgage",), entered)
    return write_version(version, _act("discharge", entered, charge=cid))


def lift(parts: Parts, cid: str, entered: Entered) -> dict[str, bytes]:
    """Ends a restriction."""
    version = _ending(_read(parts, entered), cid, RESTRICTIONS, entered)
    return write_version(version, _act("withdrawalOfRestriction", entered, charge=cid))


@dataclass(frozen=True, slots=True)
class _Moving:
    right: str
    giver: str
    taker: str
    share: Fraction


def _read(parts: Parts, entered: Entered) -> TitleVersion:
    version = read_version(parts)
    fits(_DAY, entered.day, "parts.transaction.date")
    if entered.day < version.day:
        raise PayloadError("parts.transaction.date", "is before the newest entry of this title")
    return version


def _act(kind: str, entered: Entered, **members: object) -> dict[str, object]:
    return {"type": kind, "date": entered.day, "number": entered.number, "basis": entered.basis, **members}


def _refuse_barred(version: TitleVersion, entered: Entered, despite: Collection[str]) -> None:
    for place, one in version.charges_in_force(entered.day):
        waived = one.type in _WAIVABLE and one.cid in despite
        if one.type in _BARS and not waived:
            raise PayloadError(f"parts.charges[{place}]", _BARS[one.type])


def _moved(version: TitleVersion, moving: _Moving, entered: Entered) -> tuple[Entry[Right], ...]:
    """Ends the giver's oldest entries first; enters the rest of the last again, and the acquirer's share."""
    rights, left = list(version.rights), moving.share
    for place, one in version.open_rights(moving.giver, moving.right):
        if left <= 0:
            break
        rights[place] = ended(one, entered.day)
        left -= Fraction(one.value.share)
    if left < 0:
        rights.append(_right(moving.right, -left, moving.giver, entered, len(rights)))
    return (*rights, _right(moving.right, moving.share, moving.taker, entered, len(rights)))


def _right(kind: str, share: Fraction, party: str, entered: Entered, place: int) -> Entry[Right]:
    members = {"type": kind, "share": _written(share), "party": party, "since": entered.day}
    return new_entry(Right, members, f"parts.rights[{place}]")


def _party(party: NewParty, place: int) -> Entry[Party]:
    members = {"pid": party.pid, "type": party.type, "name": party.name}
    return new_entry(Party, members, f"parts.parties[{place}]")


def _with_party(version: TitleVersion, taker: str | NewParty) -> tuple[Entry[Party], ...]:
    if isinstance(taker, str):
        return version.parties
    if not version.parties:
        raise PayloadError("parts.parties", "this title lists no parties, so none can be added")
    return (*version.parties, _party(taker, len(version.parties)))


def _with_charge(version: TitleVersion, members: Mapping[str, object]) -> TitleVersion:
    entry = new_entry(Charge, members, f"parts.charges[{len(version.charges)}]")
    return replace(version, charges=(*version.charges, entry))


def _ranking(version: TitleVersion, mortgage: Mortgage, entered: Entered) -> int:
    taken = {one.ranking or 0 for _, one in version.charges_in_force(entered.day) if one.type == "mortgage"}
    if mortgage.ranking in taken:
        raise PayloadError(
            f"parts.charges[{len(version.charges)}].ranking", "a mortgage in force has this ranking"
        )
    return max(taken, default=0) + 1 if mortgage.ranking is None else mortgage.ranking


def _ending(version: TitleVersion, cid: str, kinds: Collection[str], entered: Entered) -> TitleVersion:
    for place, one in version.charges_in_force(entered.day):
        if one.cid == cid and one.type in kinds:
            charges = list(version.charges)
            charges[place] = ended(charges[place], entered.day)
            return replace(version, charges=tuple(charges))
    what = "mortgage" if "mortgage" in kinds else "restriction"
    raise PayloadError("parts.transaction.charge", f"no {what} with this cid is in force")


def _fraction(share: str) -> Fraction:
    return Fraction(fits(_SHARE, share, "parts.transaction.share"))


def _written(share: Fraction) -> str:
    if share.denominator > _MAX_DENOMINATOR:
        raise PayloadError("parts.transaction.share", "the resulting shares have more than nine digits")
    return f"{share.numerator}/{share.denominator}"


def _money(money: Money | None) -> dict[str, object] | None:
    return None if money is None else {"value": money.value, "currency": money.currency}

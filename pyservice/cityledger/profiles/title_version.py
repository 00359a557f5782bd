"""One version of a title, read for the act that makes the next: each entry with its exact bytes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Generic, TypeVar

import msgspec
from pydantic import TypeAdapter

from cityledger.errors import PayloadError
from cityledger.profiles.fields import fits
from cityledger.profiles.profile import Parts
from cityledger.profiles.property import MODELS, PROPERTY, Charge, Party, Right
from cityledger.profiles.transaction import Transaction
from cityledger.strict_json import parse, raw_items, raw_members

T = TypeVar("T", Right, Charge, Party)
# Decimals with all their digits: 1250000.50 stays as in the contract.
_encode = msgspec.json.Encoder(decimal_format="number").encode


@dataclass(frozen=True, slots=True)
class Entry(Generic[T]):
    """An entry of a part; ``raw`` is copied into the next version unchanged."""

    raw: bytes
    value: T


@dataclass(frozen=True, slots=True)
class TitleVersion:
    """The entries of a version. ``day`` is that of its newest entry."""

    title: bytes
    rights: tuple[Entry[Right], ...]
    charges: tuple[Entry[Charge], ...]
    parties: tuple[Entry[Party], ...]
    day: str

    def share(self, party: str, kind: str) -> Fraction:
        """A party's share of a type of right."""
        return sum((Fraction(one.value.share) for _, one in self.open_rights(party, kind)), Fraction())

    def open_rights(self, party: str, kind: str) -> list[tuple[int, Entry[Right]]]:
        """The entries of that right that have not ended, by their index, in the order of entry."""
        return [
            (place, one)
            for place, one in enumerate(self.rights)
            if (one.value.party, one.value.type, one.value.until) == (party, kind, None)
        ]

    def charges_in_force(self, day: str) -> list[tuple[int, Charge]]:
        """Charges in force, by their index. One that ends later, such as a seizure for three years, is in
        force until then.
        """
        charges = enumerate(entry.value for entry in self.charges)
        return [(place, one) for place, one in charges if one.until is None or one.until > day]


def read_version(parts: Parts) -> TitleVersion:
    """The newest version's JSON parts, read for an act.

    Raises:
        PayloadError: they do not fit the profile, or are of a sale without a title.
    """
    PROPERTY.validate(parts)
    if "title" not in parts:
        raise PayloadError("parts.title", "this version has no title, only a reported sale")
    rights: tuple[Entry[Right], ...] = _entries(parts, "rights")
    charges: tuple[Entry[Charge], ...] = _entries(parts, "charges")
    days = [entry.value.since for entry in rights] + [entry.value.since for entry in charges]
    if "transaction" in parts:
        act: Transaction = MODELS["transaction"].validate_python(_value(parts["transaction"]))
        days.append(act.date)
    return TitleVersion(parts["title"], rights, charges, _entries(parts, "parties"), max(days, default=""))


def write_version(version: TitleVersion, act: Mapping[str, object]) -> dict[str, bytes]:
    """The parts of the version that the act makes.

    Raises:
        PayloadError: the version does not fit the profile; names the field.
    """
    lists: Mapping[str, Iterable[Entry[Right] | Entry[Charge] | Entry[Party]]] = {
        "rights": version.rights,
        "charges": version.charges,
        "parties": version.parties,
    }
    parts = {"title": version.title}
    parts |= {
        name: b"[" + b",".join(one.raw for one in entries) + b"]"
        for name, entries in lists.items()
        if entries
    }
    parts["transaction"] = write(act)
    PROPERTY.validate(parts)
    return parts


def new_entry(kind: type[T], members: Mapping[str, object], path: str) -> Entry[T]:
    """An entry of these members, without those that are None.

    Raises:
        PayloadError: a member does not fit; names it below ``path``.
    """
    raw = write(members)
    return Entry(raw, fits(TypeAdapter(kind), _value(raw), path))


def ended(entry: Entry[T], day: str) -> Entry[T]:
    """The entry with its last day; every other member stays as it was written."""
    members = raw_members(entry.raw) | {"until": write(day)}
    raw = b"{" + b",".join(write(name) + b":" + member for name, member in members.items()) + b"}"
    return Entry(raw, entry.value.model_copy(update={"until": day}))


def write(value: object) -> bytes:
    if isinstance(value, Mapping):
        value = {name: member for name, member in value.items() if member is not None}
    return _encode(value)


def _entries(parts: Parts, name: str) -> tuple[Entry[T], ...]:
    if name not in parts:
        return ()
    values = MODELS[name].validate_python(_value(parts[name]))
    return tuple(Entry(raw, value) for raw, value in zip(raw_items(parts[name]), values, strict=True))


def _value(data: bytes) -> object:
    return parse(data, max_bytes=len(data))

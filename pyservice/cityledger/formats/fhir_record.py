"""One medical record as FHIR: a resource or a ``collection`` in, its parts out, and back again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from cityledger.errors import PayloadError
from cityledger.formats.fhir_entries import Entry
from cityledger.formats.fhir_references import Bundled
from cityledger.formats.rows import Identifier
from cityledger.profiles.fhir import check_collection, check_resource
from cityledger.profiles.fhir_slices import Slice, part_payload, slices_of
from cityledger.profiles.fhir_types import PART_OF, TYPES
from cityledger.strict_json import Json, parse, raw_items, raw_members

_OF_THE_ENVELOPE = frozenset({"id", "identifier", "meta", "timestamp"})
"""Accepted and not kept: they identify the message, not its content."""
_KEPT = frozenset({"resourceType", "type", "entry"})
_KEPT_OF_ENTRY = frozenset({"fullUrl", "resource"})


@dataclass(frozen=True, slots=True)
class FhirRecord:
    """``parts`` with the exact bytes of each resource; ``patients`` are those that they are about."""

    parts: Mapping[str, bytes]
    patients: tuple[Identifier, ...]


def read_record(data: bytes, *, max_bytes: int) -> FhirRecord:
    """A resource, or a Bundle of type ``collection``, each resource put into the part of its type.

    Raises:
        MalformedJsonError, TooLargeError: not strict JSON, or too much of it.
        PayloadError: names the element, as in ``entry[2].resource.status``.
    """
    value = parse(data, max_bytes=max_bytes)
    if isinstance(value, dict) and value.get("resourceType") == "Bundle":
        entries = _entries(value, data)
    else:
        check_resource(value, PART_OF, "resource")
        entries = [Entry(1, value if isinstance(value, dict) else {}, Slice("", data.strip()))]
    bundled = Bundled(entries)
    patients = dict.fromkeys(one for entry in entries for one in bundled.patients_of(entry))
    return FhirRecord(parts_of(entries), tuple(patients))


def parts_of(entries: Sequence[Entry]) -> dict[str, bytes]:
    """The payload of each part that some of the resources belong to, in the order of the entries."""
    held: dict[str, list[Slice]] = {name: [] for name in TYPES}
    for entry in entries:
        held[PART_OF[entry.kind]].append(entry.slice)
    return {name: part_payload(slices) for name, slices in held.items() if slices}


def write_record(parts: Mapping[str, bytes]) -> bytes:
    """The resources of some parts, in the order of the parts: one alone as it was written, else a
    ``collection``, which is without entries if there are none.
    """
    slices = [one for name in TYPES if name in parts for one in slices_of(parts[name])]
    return part_payload(slices) if slices else b'{"resourceType":"Bundle","type":"collection"}'


def _entries(bundle: dict[str, Json], data: bytes) -> list[Entry]:
    _refuse_unkept(bundle, _KEPT | _OF_THE_ENVELOPE, "Bundle")
    check_collection(bundle, PART_OF, "Bundle")
    written = raw_items(raw_members(data)["entry"])
    members = bundle["entry"] if isinstance(bundle["entry"], list) else []
    return [_entry(index, *pair) for index, pair in enumerate(zip(members, written, strict=True))]


def _entry(index: int, members: Json, written: bytes) -> Entry:
    told = members if isinstance(members, dict) else {}
    resource = told.get("resource")
    _refuse_unkept(told, _KEPT_OF_ENTRY, f"Bundle.entry[{index}]")
    cut = Slice(str(told.get("fullUrl", "")), raw_members(written)["resource"])
    return Entry(index + 1, resource if isinstance(resource, dict) else {}, cut)


def _refuse_unkept(members: dict[str, Json], kept: frozenset[str], path: str) -> None:
    # A record is its resources. What a Bundle says about itself would be lost without a word.
    unkept = [name[:64] for name in sorted(members.keys() - kept)]
    if unkept:
        others = f", nor are {', '.join(unkept[1:12])}" if unkept[1:] else ""
        reason = f"is not kept{others}: a Bundle is only the envelope of resources here"
        raise PayloadError(f"{path}.{unkept[0]}", reason)

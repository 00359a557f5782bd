"""Converts a medical record from FHIR (a resource or a ``collection``) to its parts, and back."""

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
"""Accepted and not stored: they identify the message, not its content."""
_MEMBERS = frozenset({"resourceType", "type", "entry"})
_MEMBERS_OF_ENTRY = frozenset({"fullUrl", "resource"})


@dataclass(frozen=True, slots=True)
class FhirRecord:
    """``parts`` with the exact bytes of each resource; ``patients`` are their subjects."""

    parts: Mapping[str, bytes]
    patients: tuple[Identifier, ...]


def read_record(data: bytes, *, max_bytes: int) -> FhirRecord:
    """The parts of a resource, or of a Bundle of type ``collection``, with each resource in that of its type.

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
    """The payloads of the parts that the resources belong to, in the order of the entries."""
    slices_by_part: dict[str, list[Slice]] = {name: [] for name in TYPES}
    for entry in entries:
        slices_by_part[PART_OF[entry.kind]].append(entry.slice)
    return {name: part_payload(slices) for name, slices in slices_by_part.items() if slices}


def write_record(parts: Mapping[str, bytes]) -> bytes:
    """The resources of some parts, in the order of the parts: one alone as it was written, otherwise a
    ``collection``, without entries if there are none.
    """
    slices = [one for name in TYPES if name in parts for one in slices_of(parts[name])]
    return part_payload(slices) if slices else b'{"resourceType":"Bundle","type":"collection"}'


def _entries(bundle: dict[str, Json], data: bytes) -> list[Entry]:
    _refuse_unknown(bundle, _MEMBERS | _OF_THE_ENVELOPE, "Bundle")
    check_collection(bundle, PART_OF, "Bundle")
    written = raw_items(raw_members(data)["entry"])
    members = bundle["entry"] if isinstance(bundle["entry"], list) else []
    return [_entry(index, *pair) for index, pair in enumerate(zip(members, written, strict=True))]


def _entry(index: int, members: Json, written: bytes) -> Entry:
    given = members if isinstance(members, dict) else {}
    resource = given.get("resource")
    _refuse_unknown(given, _MEMBERS_OF_ENTRY, f"Bundle.entry[{index}]")
    cut = Slice(str(given.get("fullUrl", "")), raw_members(written)["resource"])
    return Entry(index + 1, resource if isinstance(resource, dict) else {}, cut)


def _refuse_unknown(members: dict[str, Json], known: frozenset[str], path: str) -> None:
    # A record is its resources. A Bundle's statements about itself would be lost silently.
    unknown = [name[:64] for name in sorted(members.keys() - known)]
    if unknown:
        others = f", nor are {', '.join(unknown[1:12])}" if unknown[1:] else ""
        reason = f"is not stored{others}: a Bundle is only the envelope of resources here"
        raise PayloadError(f"{path}.{unknown[0]}", reason)

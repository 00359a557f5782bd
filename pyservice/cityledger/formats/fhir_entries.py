"""A FHIR file as entries: each resource checked, with its exact bytes, or the reason of its refusal."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial

from cityledger.errors import FieldError, FormatError, InputError, PayloadError
from cityledger.formats.rows import row_or_reason
from cityledger.profiles.fhir import check_bundle_frame, check_entry_frame, check_resource
from cityledger.profiles.fhir_slices import Slice
from cityledger.profiles.fhir_types import PART_OF
from cityledger.profiles.provider_id import verify_provider_id
from cityledger.strict_json import Json, parse, raw_items, raw_members

MAX_FILE_BYTES = 33_554_432
"""Only a whole Bundle can be split, so one is held in memory, at about eight times its size."""

_UUID = re.compile(r"urn:uuid:([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})", re.IGNORECASE)
_ONE_RESOURCE = re.compile(r"([A-Za-z]{1,64})/([A-Za-z0-9.-]{1,64})", re.ASCII)
_ASKING = frozenset({"GET", "HEAD", "PATCH"})


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault of an entry; ``field`` counts entries from 0, as FHIR paths do."""

    field: str
    reason: str


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of a Bundle, or the one resource of a file. ``number`` counts from 1.

    ``resource`` is the resource as parsed, empty if the entry has none; ``record`` is its own record id, ""
    if it is at fault. ``deletes``: the sender deleted the record.
    """

    number: int
    resource: Mapping[str, Json]
    slice: Slice
    record: str = ""
    fault: Fault | None = None
    deletes: bool = False

    @property
    def kind(self) -> str:
        """The resource's type, "" if there is none that is known."""
        kind = self.resource.get("resourceType")
        return kind if isinstance(kind, str) and kind in PART_OF else ""


def read_entries(data: bytes) -> list[Entry]:
    """The entries of a Bundle of any type except ``history``, or of a file with one resource.

    Raises:
        FormatError: not strict JSON, not FHIR, or the Bundle's own frame is wrong.
    """
    whole = _parsed(data)
    if whole.get("resourceType") != "Bundle":
        return [entry_of(1, whole, Slice("", data.strip()), "resource")]
    return list(_entries(whole, raw_members(data)))


def entry_of(number: int, resource: Json, written: Slice, path: str) -> Entry:
    """One resource, checked against R4 and named."""
    members = resource if isinstance(resource, dict) else {}
    try:
        check_resource(resource, PART_OF, path)
        return Entry(number, members, written, record=_record_of(members, written.full_url, path))
    except InputError as error:
        return Entry(number, members, written, fault=Fault(error.field, error.reason))


def _parsed(data: bytes) -> dict[str, Json]:
    try:
        value = parse(data, max_bytes=MAX_FILE_BYTES)
    except InputError as error:
        raise FormatError(error.field, error.reason) from error
    if not isinstance(value, dict) or "resourceType" not in value:
        raise FormatError("resourceType", "the file must hold one FHIR resource or Bundle as JSON")
    return value


def _entries(bundle: Mapping[str, Json], raw: Mapping[str, bytes]) -> Iterator[Entry]:
    try:
        check_bundle_frame(bundle, "Bundle")
    except PayloadError as error:
        raise FormatError(error.field, error.reason) from error
    if bundle["type"] == "history":
        raise FormatError("Bundle.type", "a history repeats resources: send their present state")
    entries = bundle.get("entry", [])
    if not isinstance(entries, list):
        raise FormatError("Bundle.entry", "must be a JSON array")
    for index, written in enumerate(raw_items(raw.get("entry", b"[]"))):
        yield _entry_or_fault(index + 1, entries[index], written, f"entry[{index}]")


def _entry_or_fault(number: int, entry: Json, written: bytes, path: str) -> Entry:
    read = row_or_reason(number, partial(_entry, number, entry, written, path))
    return read if isinstance(read, Entry) else _refused(number, path, read.reason)


def _entry(number: int, entry: Json, written: bytes, path: str) -> Entry:
    try:
        members = check_entry_frame(entry, path)
    except PayloadError as error:
        return _refused(number, error.field, error.reason)
    method, url = _request(members)
    if method == "DELETE":
        return _deletion(number, url, path)
    if method in _ASKING:
        return _refused(number, f"{path}.request", "is a request; only resources are imported")
    if "resource" not in members:
        return _refused(number, f"{path}.resource", "this field is required")
    full_url = members.get("fullUrl", "")
    cut = Slice(full_url if isinstance(full_url, str) else "", raw_members(written)["resource"])
    return entry_of(number, members["resource"], cut, f"{path}.resource")


def _request(members: Mapping[str, Json]) -> tuple[str, str]:
    match members.get("request"):
        case {"method": str(method), "url": str(url)}:
            return method, url
    return "", ""


def _deletion(number: int, url: str, path: str) -> Entry:
    named = _ONE_RESOURCE.fullmatch(url)
    if named is None or named[1] not in PART_OF:
        return _refused(number, f"{path}.request.url", "must name the one resource to delete, as Type/id")
    try:
        record = _record_name(named[1], named[2], f"{path}.request.url")
    except FieldError as error:
        return _refused(number, error.field, error.reason)
    return Entry(number, {}, Slice("", b""), record=record, deletes=True)


def _refused(number: int, field: str, reason: str) -> Entry:
    return Entry(number, {}, Slice("", b""), fault=Fault(field, reason))


def _record_of(resource: Mapping[str, Json], full_url: str, path: str) -> str:
    uuid = _UUID.fullmatch(full_url)
    name = resource.get("id") or (uuid[1].lower() if uuid else None)
    if name is None:
        raise FieldError(f"{path}.id", "is required to name the record, unless the fullUrl is a urn:uuid:")
    return _record_name(str(resource["resourceType"]), str(name), f"{path}.id")


def _record_name(kind: str, name: str, path: str) -> str:
    """``Encounter-…``: resources of two types may have one id."""
    try:
        verify_provider_id(f"{kind}-{name}")
    except FieldError as error:
        raise FieldError(path, error.reason) from error
    return f"{kind}-{name}"

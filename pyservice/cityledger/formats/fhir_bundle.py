"""``fhir`` and ``fhir-ndjson``: FHIR R4 files as medical records, each resource stored byte for byte.

Each encounter of a Bundle becomes a record, ``Encounter-<id>``, with all resources that refer to it; the
others (patients, organisations, resources of several encounters or none) become a record each. With
``split=resource``, and in NDJSON, every resource is a record. The parts follow the resource types
(``profiles/fhir_types.py``); a Bundle's statements around its resources (request, response, search) are not
stored.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import BinaryIO

from cityledger.errors import FormatError
from cityledger.formats.fhir_entries import MAX_FILE_BYTES, Entry, Fault, entry_of, read_entries
from cityledger.formats.fhir_record import parts_of
from cityledger.formats.fhir_references import Bundled
from cityledger.formats.options import ImportOptions
from cityledger.formats.rows import Act, Format, RejectedRow, Row, row_or_reason
from cityledger.profiles.fhir_slices import Slice
from cityledger.profiles.record_body import MAX_SUBJECTS
from cityledger.strict_json import parse

MAX_LINE_BYTES = 8_388_608

_SPLITS = ("encounter", "resource")


def read_file(stream: BinaryIO, options: ImportOptions) -> Iterator[Row | RejectedRow]:
    """The records of a Bundle or of a file with one resource, in the order of their first entries.

    ``row_no`` is the number of the entry that names the record, the encounter's for one of several. If a
    resource is refused, so is its whole record.

    Raises:
        FormatError: more than 32 MiB, not strict JSON or not FHIR; the option ``split`` is unknown.
    """
    split = options.split or _SPLITS[0]
    if split not in _SPLITS:
        raise FormatError("split", f"must be {' or '.join(_SPLITS)}")
    data = stream.read(MAX_FILE_BYTES + 1)
    if len(data) > MAX_FILE_BYTES:
        raise FormatError("", f"more than {MAX_FILE_BYTES} bytes; send larger files as fhir-ndjson")
    entries = read_entries(data)
    yield from _records(entries, by_encounter=split == "encounter")


def read_lines(stream: BinaryIO, options: ImportOptions) -> Iterator[Row | RejectedRow]:
    """One record per line; blank lines are counted and skipped. Holds one line at a time."""
    for number, line in enumerate(_lines(stream), start=1):
        if line.strip():
            yield row_or_reason(number, partial(_line, number, line))


def _lines(stream: BinaryIO) -> Iterator[bytes]:
    """Lines without their end; one that is too long is cut, yet long enough to be refused by size."""
    while line := stream.readline(MAX_LINE_BYTES + 2):
        rest = line
        while rest and not rest.endswith(b"\n"):
            rest = stream.readline(MAX_LINE_BYTES + 2)
        yield line.removesuffix(b"\n").removesuffix(b"\r")


def _line(number: int, line: bytes) -> Row | RejectedRow:
    resource = parse(line, max_bytes=MAX_LINE_BYTES)
    # Other lines are not available: patients are named as the others refer to them.
    entry = entry_of(number, resource, Slice("", line.strip()), "resource")
    return _row([entry], Bundled([], is_all=False))


def _records(entries: Sequence[Entry], *, by_encounter: bool) -> Iterator[Row | RejectedRow]:
    bundled = Bundled(entries)
    groups: dict[int, list[Entry]] = {}
    for entry in entries:
        encounter = bundled.encounter_of(entry) if by_encounter else None
        groups.setdefault((encounter or entry).number, []).append(entry)
    seen: set[str] = set()
    for number in sorted(groups):
        members = groups[number]
        row = row_or_reason(number, partial(_row, members, bundled, named=entries[number - 1]))
        if isinstance(row, Row) and row.provider_id in seen:
            row = RejectedRow(number, _place(number), "this resource occurs twice in the file")
        elif isinstance(row, Row):
            seen.add(row.provider_id)
        yield row


def _row(members: Sequence[Entry], bundled: Bundled, named: Entry | None = None) -> Row | RejectedRow:
    """One record of some entries, named after one of them."""
    named = named or members[0]
    fault = next((one.fault for one in members if one.fault is not None), None)
    if fault is not None:
        return _rejected(named, fault, len(members))
    if named.deletes:
        return Row(named.number, named.record, {}, act=Act.DELETE)
    subjects = dict.fromkeys(one for entry in members for one in bundled.patients_of(entry))
    if len(subjects) > MAX_SUBJECTS:
        return RejectedRow(named.number, "", f"is about more than {MAX_SUBJECTS} patients")
    return Row(named.number, named.record, parts_of(members), subjects=tuple(subjects))


def _rejected(named: Entry, fault: Fault, entries: int) -> RejectedRow:
    whole = "" if entries == 1 else "; the whole record of its encounter is refused"
    return RejectedRow(named.number, fault.field, f"{fault.reason}{whole}")


def _place(number: int) -> str:
    return f"entry[{number - 1}]"


FORMATS = {
    "fhir": Format(
        "fhir", "FHIR R4 Bundle, or one resource (JSON)", "medical", read_file, frozenset({"split", "upsert"})
    ),
    "fhir-ndjson": Format("fhir-ndjson", "FHIR R4 resources, one per line", "medical", read_lines),
}

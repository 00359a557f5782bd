"""Files that went wrong on their way: every format reads what it can, and says of the rest what is wrong.

The real files are cut, turned, quoted and mixed up. Whatever comes out of a format is a row, a refused row or
one FormatError; a row then fits its profile or is refused by it; and no reason repeats what stood in a cell.
"""

from __future__ import annotations

import io
import random
from collections.abc import Callable
from dataclasses import dataclass

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cityledger.errors import FormatError, InputError
from cityledger.formats import registry as formats
from cityledger.formats.options import ImportOptions
from cityledger.formats.rows import RejectedRow, Row
from cityledger.profiles import registry as profiles
from public_data import public_data

SEED_BYTES = 12_000
MARKER = "qZ7mark"


NO_OPTIONS = ImportOptions()


@dataclass(frozen=True)
class Seed:
    format: str
    file: str
    options: ImportOptions = NO_OPTIONS
    is_lines: bool = True
    """Whether the head of the file is a file too."""


SEEDS = [
    Seed("hmlr-price-paid", "realestate/hmlr-price-paid/2025-05.csv"),
    Seed("hdb-resale", "realestate/hdb-resale-2015-2016.csv"),
    Seed("tw-lvr", "realestate/tw-lvr-taipei-2020.csv"),
    Seed(
        "birmingham-occupancy",
        "parking/birmingham-carparks-2016-10-04_2016-11-11.csv",
        ImportOptions(timezone="Europe/London"),
    ),
    Seed(
        "dresden-occupancy",
        "parking/dresden-altmarkt-2016-01-01_2016-05-25.csv",
        ImportOptions(timezone="Europe/Berlin", place="altmarkt", capacity=400),
    ),
    Seed("dresden-lots", "parking/dresden-lots.geojson", is_lines=False),
    Seed("melbourne-bays", "parking/melbourne-bay-sensors-2025-08-05.csv"),
    Seed("melbourne-signs", "parking/melbourne-zone-signs.csv"),
    Seed(
        "freiburg",
        "parking/city-feeds/freiburg.json",
        ImportOptions(timezone="Europe/Berlin"),
        is_lines=False,
    ),
    Seed("konstanz", "parking/city-feeds/konstanz.json", is_lines=False),
    Seed("vrn", "parking/city-feeds/vrn_p_r.json", is_lines=False),
    Seed(
        "pbw",
        "parking/city-feeds/pbw_object-dynamic-all.json",
        ImportOptions(observed_at="2025-04-11T07:33:00+02:00"),
        is_lines=False,
    ),
    Seed("ulm-sites", "parking/city-feeds/ulm-sensors_realtime-parking-sites.json", is_lines=False),
    Seed("ulm-spots", "parking/city-feeds/ulm-sensors_realtime-parking-spots.json", is_lines=False),
    Seed("ngsi-ld", "parking/ngsi-examples/OffStreetParking.example.json", is_lines=False),
    Seed("cds", "parking/cds-examples.json", is_lines=False),
    Seed("fhir", "medical/hl7-r4-examples/Bundle-bundle-transaction.json", is_lines=False),
    Seed("fhir", "medical/hl7-r4-examples/Patient-example.json", is_lines=False),
    Seed("fhir-ndjson", "medical/hl7-r4-examples/Observation-f001.json", is_lines=False),
    Seed("ndjson", "medical/hl7-r4-examples/Observation-f001.json", is_lines=False),
    Seed("csv", "parking/melbourne-zone-signs.csv", ImportOptions(profile="parking")),
]


NONSENSE = {
    "empty": b"",
    "newline": b"\n",
    "NULs": b"\0" * 5_000,
    "brackets": b"[" * 2_000_000,
    "quotes": b'"' * 2_000_001,
    "objects": b"{}" * 500_000,
    "no UTF-8": b"\xff" * 1_000_000,
    "UTF-16": "id,title.uid\na,b\n".encode("utf-16"),
    "commas": b"," * 2_000_000,
    "null": b"null",
}


def _seed_bytes(seed: Seed) -> bytes:
    data = public_data(seed.file).read_bytes()
    if seed.format.endswith("ndjson"):
        data = b" ".join(data.split()) + b"\n"
    return data[: data.rfind(b"\n", 0, SEED_BYTES) + 1] if seed.is_lines else data


def _cut(data: bytes, dice: random.Random) -> bytes:
    return data[: dice.randrange(len(data) + 1)]


def _turn_bits(data: bytes, dice: random.Random) -> bytes:
    held = bytearray(data)
    for _ in range(dice.randrange(1, 12)):
        held[dice.randrange(len(held))] ^= 1 << dice.randrange(8)
    return bytes(held)


def _drop_some(data: bytes, dice: random.Random) -> bytes:
    start = dice.randrange(len(data))
    return data[:start] + data[start + dice.randrange(1, 300) :]


def _repeat_some(data: bytes, dice: random.Random) -> bytes:
    start, end = sorted((dice.randrange(len(data)), dice.randrange(len(data))))
    return data[:end] + data[start:]


_ODD = (
    *(b"\0", b'"', b'""', b"'", b",", b"\n", b"\r", b"{", b"]", b"[]", b"[" * 500, b" " * 3_000),
    *(b"\xff\xfe", b"\xef\xbb\xbf", b"\xed\xa0\x80", b"\\u0000", b"\\ud800", "\u202e１２".encode()),
    *(b"a" * 140_000, b"9" * 400, b"null", b"NaN", b"true", b"-1", b"1e400", b"0x10", b"1_000", b"+5"),
    *(b" 7 ", b"Infinity", b"2016-02-30T25:61:61", b"0000-00-00"),
)


def _put_in_something_odd(data: bytes, dice: random.Random) -> bytes:
    start = dice.randrange(len(data))
    return data[:start] + dice.choice(_ODD) + data[start + dice.randrange(0, 20) :]


DAMAGE: list[Callable[[bytes, random.Random], bytes]] = [
    _cut,
    _turn_bits,
    _drop_some,
    _repeat_some,
    _put_in_something_odd,
    _put_in_something_odd,
]


def _read(seed: Seed, data: bytes) -> list[Row | RejectedRow | FormatError]:
    """Everything that comes of a file; any other exception than a FormatError is the test's failure."""
    outcomes: list[Row | RejectedRow | FormatError] = []
    try:
        for row in formats.get(seed.format).read(io.BytesIO(data), seed.options):
            outcomes.append(_judged(seed, row))
    except FormatError as error:
        outcomes.append(error)
    return outcomes


def _judged(seed: Seed, row: Row | RejectedRow) -> Row | RejectedRow:
    if isinstance(row, RejectedRow) or not row.parts:
        return row
    profile = profiles.get(formats.get(seed.format).profile or "medical")
    try:
        profile.validate(row.parts)
        for hook in (profile.instant_of, profile.identifiers_of):
            if hook is not None:
                hook(row.parts)
    except InputError as error:
        return RejectedRow(row.row_no, error.field, error.reason)
    return row


@pytest.mark.parametrize("seed", SEEDS, ids=lambda seed: f"{seed.format} {seed.file.rpartition('/')[2]}")
@settings(
    max_examples=40,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(kinds=st.lists(st.sampled_from(DAMAGE), min_size=1, max_size=3), number=st.integers(0, 2**32))
def test_damaged_file_gives_rows_and_reasons_and_nothing_else(
    seed: Seed, kinds: list[Callable[[bytes, random.Random], bytes]], number: int
) -> None:
    data, dice = _seed_bytes(seed), random.Random(number)
    for damage in kinds:
        if data:
            data = damage(data, dice)

    for outcome in _read(seed, data):
        assert isinstance(outcome, Row | RejectedRow | FormatError)


@pytest.mark.parametrize("seed", SEEDS, ids=lambda seed: f"{seed.format} {seed.file.rpartition('/')[2]}")
def test_no_reason_repeats_what_stood_in_a_cell(seed: Seed) -> None:
    text = _seed_bytes(seed).decode("utf-8-sig")
    marked = text.replace(":", f":{MARKER}").replace(",", f",{MARKER}").replace(" ", f" {MARKER}")
    for candidate in (
        marked,
        text.replace("0", MARKER),
        text.replace("e", f"e{MARKER}"),
        text.replace('"', f'"{MARKER}', 40),
    ):
        first_line, _, rest = candidate.partition("\n")
        keep_header = text.partition("\n")[0] + "\n" + rest  # column names may be told: they are not data
        for data in (keep_header, first_line):
            for outcome in _read(seed, data.encode()):
                if isinstance(outcome, RejectedRow):
                    assert MARKER not in outcome.reason, outcome


@pytest.mark.parametrize("seed", SEEDS, ids=lambda seed: f"{seed.format} {seed.file.rpartition('/')[2]}")
@pytest.mark.parametrize("nonsense", NONSENSE.values(), ids=NONSENSE)
@pytest.mark.timeout(60)
def test_file_of_nonsense_is_refused_without_stalling(seed: Seed, nonsense: bytes) -> None:
    outcomes = _read(seed, nonsense)

    assert not [one for one in outcomes if isinstance(one, Row)]


def test_every_format_is_among_those_that_are_damaged() -> None:
    assert {seed.format for seed in SEEDS} == set(formats.names())

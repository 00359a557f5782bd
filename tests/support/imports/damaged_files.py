"""Real files of every format, and the ways in which files go wrong: for tests that feed them to a node."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

from cityledger.formats.options import ImportOptions
from support.imports.public_data import public_data

SEED_BYTES = 12_000
MARKER = "qZ7mark"
"""Occurs in no real file."""


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


def seed_bytes(seed: Seed) -> bytes:
    data = public_data(seed.file).read_bytes()
    if seed.format.endswith("ndjson"):
        data = b" ".join(data.split()) + b"\n"
    return data[: data.rfind(b"\n", 0, SEED_BYTES) + 1] if seed.is_lines else data


def _cut(data: bytes, sampler: random.Random) -> bytes:
    return data[: sampler.randrange(len(data) + 1)]


def _turn_bits(data: bytes, sampler: random.Random) -> bytes:
    damaged = bytearray(data)
    for _ in range(sampler.randrange(1, 12)):
        damaged[sampler.randrange(len(damaged))] ^= 1 << sampler.randrange(8)
    return bytes(damaged)


def _drop_some(data: bytes, sampler: random.Random) -> bytes:
    start = sampler.randrange(len(data))
    return data[:start] + data[start + sampler.randrange(1, 300) :]


def _repeat_some(data: bytes, sampler: random.Random) -> bytes:
    start, end = sorted((sampler.randrange(len(data)), sampler.randrange(len(data))))
    return data[:end] + data[start:]


_ODD = (
    *(b"\0", b'"', b'""', b"'", b",", b"\n", b"\r", b"{", b"]", b"[]", b"[" * 500, b" " * 3_000),
    *(b"\xff\xfe", b"\xef\xbb\xbf", b"\xed\xa0\x80", b"\\u0000", b"\\ud800", "\u202e１２".encode()),
    *(b"a" * 140_000, b"9" * 400, b"null", b"NaN", b"true", b"-1", b"1e400", b"0x10", b"1_000", b"+5"),
    *(b" 7 ", b"Infinity", b"2016-02-30T25:61:61", b"0000-00-00"),
)


def _put_in_something_odd(data: bytes, sampler: random.Random) -> bytes:
    start = sampler.randrange(len(data))
    return data[:start] + sampler.choice(_ODD) + data[start + sampler.randrange(0, 20) :]


DAMAGE: list[Callable[[bytes, random.Random], bytes]] = [
    _cut,
    _turn_bits,
    _drop_some,
    _repeat_some,
    _put_in_something_odd,
    _put_in_something_odd,
]

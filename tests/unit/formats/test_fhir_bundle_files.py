"""Bundles of any form, official examples and public bundles."""

import contextlib
import gzip
import json
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cityledger.errors import FormatError, PayloadError
from cityledger.formats.rows import RejectedRow, Row
from cityledger.profiles.fhir_slices import slices_of
from cityledger.profiles.medical import MEDICAL
from cityledger.strict_json import raw_items, raw_members
from support.imports.fhir_bundles import (
    ENCOUNTER,
    OBSERVATION,
    PATIENT,
    bundle,
    entry,
    read,
    read_rows,
)
from support.imports.public_data import public_data

NAMES = [
    *("resourceType", "id", "entry", "resource", "request", "method", "url", "encounter", "reference"),
    *("context", "item", "subject", "identifier", "system", "value", "contained", "type", "fullUrl"),
]
JSONS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(NAMES),
            inner | st.sampled_from(["Patient", "Encounter", "Bundle", "DELETE", "#", "Patient/1"]),
            max_size=5,
        )
    ),
    max_leaves=20,
)


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)  # the first draw imports the models
@given(value=JSONS, split=st.sampled_from(["encounter", "resource"]))
def test_read_raises_nothing_else_and_counts_every_entry(value: object, split: str) -> None:
    good = [entry(PATIENT), entry(ENCOUNTER)]
    hostile = {"fullUrl": "urn:uuid:x", "resource": value}
    for data in (
        bundle(*good, hostile, {"resource": {**OBSERVATION, "subject": value, "encounter": value}}),
    ):
        rows = read(data, split=split)
        assert {row.row_no for row in rows} >= {1, 2}
    with contextlib.suppress(FormatError):
        read(json.dumps(value).encode(), split=split)


REFUSED_EXAMPLES = {
    # It shows every kind of request: two queries and a conditional delete name no resource to keep, and
    # Parameters are the arguments of an operation.
    "Bundle-bundle-transaction.json": {6, 7, 8, 9},
}


def test_read_takes_every_official_example() -> None:
    paths = sorted(public_data("medical/hl7-r4-examples").glob("*.json"))
    assert len(paths) == 34
    counts = Counter[str]()
    for path in paths:
        rows = read(path.read_bytes())
        rejected = {row.row_no - 1 for row in rows if isinstance(row, RejectedRow)}
        assert rejected == REFUSED_EXAMPLES.get(path.name, set()), path.name
        counts.update("rejected" if isinstance(row, RejectedRow) else row.act for row in rows)
    assert counts == {"put": 43, "delete": 1, "rejected": 4}


ENCOUNTERS_OF = {
    # entries, records by encounter
    "synthea21_Bob965_Keeling57_3f6fd0bb": (238, 34),
    "synthea21_Emery884_Johnston597_aeff9fe6": (347, 39),
    "synthea21_Jeremiah751_Dach178_9785afad": (238, 33),
    "synthea21_Luis923_Cruz300_88cea50e": (284, 35),
    "synthea21_Sylvie540_Windler79_5ba60d91": (471, 51),
    "synthea24_Alberto_Atencio_fc712d1f": (76, 11),
    "synthea24_Beatrice_Aufderhar_5451401c": (230, 24),
    "synthea24_Bernardo_Ordonez_ee5ce8e4": (124, 13),
    "synthea24_Clarence_Mills_0753ad6c": (104, 12),
    "synthea24_Clemente_Kreiger_1484a42d": (70, 6),
    "synthea24_Dannie_Schmitt_22d6efc6": (104, 10),
    "synthea24_Dino_Barton_f24d7951": (421, 43),
    "synthea24_Gustavo_Mejia_59a8543c": (78, 9),
    "synthea24_Hershel_Marvin_71a7f9d4": (115, 15),
    "synthea24_Junita_Labadie_e9782bd2": (117, 13),
    "synthea24_Laurie_McCullough_8a417ce8": (148, 19),
    "synthea24_Liz_Conn_27c911c6": (73, 10),
    "synthea24_Lyndia_Bergstrom_e3891927": (197, 27),
    "synthea24_Michael_Kihn_376f9fc0": (92, 8),
    "synthea24_Morgan_Gislason_3958ed3d": (253, 38),
    "synthea24_Reuben_Lind_1d03714f": (199, 23),
    "synthea24_Xavier_Lueilwitz_1af31141": (89, 10),
}


def test_there_are_22_public_bundles() -> None:
    names = {path.name.partition(".")[0] for path in public_data("medical/synthea-bundles").iterdir()}
    assert names == ENCOUNTERS_OF.keys()


@pytest.mark.parametrize("name", ENCOUNTERS_OF)
def test_read_of_a_public_bundle_drops_and_repeats_no_byte_of_a_resource(name: str) -> None:
    (path,) = public_data("medical/synthea-bundles").glob(f"{name}.*")
    data = unpacked(path)
    came = Counter(raw_members(one)["resource"] for one in raw_items(raw_members(data)["entry"]))
    rows = read_rows(data)
    stored = Counter(one.data for row in rows for payload in row.parts.values() for one in slices_of(payload))
    assert stored == came
    assert (sum(came.values()), len(rows)) == ENCOUNTERS_OF[name]
    subjects = {one for row in rows for one in row.subjects}
    assert [one.system for one in subjects] == ["http://hospital.smarthealthit.org"]  # type: ignore[union-attr]
    for row in rows:
        assert is_taken(row)


def is_taken(row: Row) -> bool:
    try:
        MEDICAL.validate(row.parts)
    except PayloadError:
        return False
    return True


def unpacked(path: Path) -> bytes:
    data = path.read_bytes()
    return gzip.decompress(data) if path.suffix == ".gz" else data

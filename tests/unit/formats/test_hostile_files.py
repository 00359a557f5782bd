"""Files that went wrong on their way: every format reads what it can, and says of the rest what is wrong.

The real files are cut, turned, quoted and mixed up. A format gives rows and refused rows, or raises
one FormatError; a row then fits its profile or is refused by it; and no reason repeats a cell's content.
"""

from __future__ import annotations

import io
import random
from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cityledger.errors import FormatError, InputError
from cityledger.formats import registry as formats
from cityledger.formats.rows import RejectedRow, Row
from cityledger.profiles import registry as profiles
from support.imports.damaged_files import DAMAGE, MARKER, SEEDS, Seed, seed_bytes

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
    data, randomness = seed_bytes(seed), random.Random(number)
    for damage in kinds:
        if data:
            data = damage(data, randomness)

    for outcome in _read(seed, data):
        assert isinstance(outcome, Row | RejectedRow | FormatError)


@pytest.mark.parametrize("seed", SEEDS, ids=lambda seed: f"{seed.format} {seed.file.rpartition('/')[2]}")
def test_no_reason_repeats_what_stood_in_a_cell(seed: Seed) -> None:
    text = seed_bytes(seed).decode("utf-8-sig")
    marked = text.replace(":", f":{MARKER}").replace(",", f",{MARKER}").replace(" ", f" {MARKER}")
    for candidate in (
        marked,
        text.replace("0", MARKER),
        text.replace("e", f"e{MARKER}"),
        text.replace('"', f'"{MARKER}', 40),
    ):
        first_line, _, rest = candidate.partition("\n")
        keep_header = (
            text.partition("\n")[0] + "\n" + rest
        )  # column names may be disclosed: they are not data
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

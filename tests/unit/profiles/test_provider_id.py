import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cityledger.errors import FieldError
from cityledger.profiles.provider_id import holds_resident_id, resident_check_character, verify_provider_id

RESIDENT = "11010519491231002X"  # the worked example of GB 11643-1999

TAKEN = ["1", "MZ-2026-000017", "京(2024)朝不动产权第0012345号", "a" * 128, "2026 03 01", "0x12", "é"]
REFUSED = {
    "empty": ("", "must be 1 to 128 characters long"),
    "too long": ("a" * 129, "must be 1 to 128 characters long"),
    "space before": (" a", "must not begin or end with space"),
    "space after": ("a\u3000", "must not begin or end with space"),
    "control": ("a\x00b", "must not hold control or invisible characters"),
    "bidi override": ("a\u202eb", "must not hold control or invisible characters"),
    "zero width": ("a\u200bb", "must not hold control or invisible characters"),
    "line separator": ("a\u2028b", "must not hold control or invisible characters"),
    "surrogate": ("a\ud800b", "must not hold control or invisible characters"),
    "not NFC": ("e\u0301", "must be in Unicode form NFC, or one id would be two records"),
    "slash": ("a/b", "must be one segment of a URL: no '/', and not '.' or '..'"),
    "dots": ("..", "must be one segment of a URL: no '/', and not '.' or '..'"),
    "record": ("0x" + "aB" * 32, "0x and 64 hex digits name a record, not a provider's id"),
    "resident": (RESIDENT, "holds a resident identity number; an id must not name a person"),
    "resident inside": (
        f"patient-{RESIDENT}-1",
        "holds a resident identity number; an id must not name a person",
    ),
    "resident, small x": (RESIDENT.lower(), "holds a resident identity number; an id must not name a person"),
    "resident, wide": (
        "１１０１０５１９４９１２３１００２Ｘ",
        "holds a resident identity number; an id must not name a person",
    ),
}


@pytest.mark.parametrize("provider_id", TAKEN)
def test_verify_provider_id_takes(provider_id: str) -> None:
    verify_provider_id(provider_id)


@pytest.mark.parametrize(("provider_id", "reason"), REFUSED.values(), ids=REFUSED)
def test_verify_provider_id_refuses(provider_id: str, reason: str) -> None:
    with pytest.raises(FieldError) as caught:
        verify_provider_id(provider_id)
    assert (caught.value.field, caught.value.reason) == ("id", reason)


@given(
    region=st.integers(110000, 659999),
    born=st.dates(),
    order=st.integers(0, 999),
)
def test_holds_resident_id_finds_each_valid_number_and_no_other_check_character(
    region: int, born: object, order: int
) -> None:
    digits = f"{region}{re.sub('-', '', str(born))}{order:03}"
    found = [check for check in "0123456789X" if holds_resident_id(digits + check)]
    year = int(digits[6:10])
    assert found == ([resident_check_character(digits)] if 1800 <= year < 2200 else [])


@pytest.mark.parametrize(
    "number", ["110105194912310021", "110105194913310023", f"9{RESIDENT}", f"{RESIDENT}1"]
)
def test_holds_resident_id_leaves_other_numbers(number: str) -> None:
    assert not holds_resident_id(number)

"""A column whose index has thousands of digits failed the node, not the file; and ``00`` was another 0."""

from __future__ import annotations

import io

import pytest

from cityledger.errors import FormatError
from cityledger.formats.native_csv import read_csv
from cityledger.formats.options import ImportOptions


@pytest.mark.parametrize("index", ["9" * 5_000, "00", "1" * 10])
def test_index_that_no_array_has_is_an_unknown_column(index: str) -> None:
    file = io.BytesIO(f"id,rights.{index}.type\na,ownership\n".encode())

    with pytest.raises(FormatError, match="unknown column"):
        list(read_csv(file, ImportOptions(profile="property")))

"""Without a header row, a file's first person was disclosed in the job's failure and the log, as columns."""

from __future__ import annotations

import io

import pytest

from cityledger.errors import FormatError
from cityledger.formats import registry
from cityledger.formats.options import ImportOptions

PERSON = b"Wang Xiaoming,110101199003070011,Wang Xiaoming,Beijing\n"


@pytest.mark.parametrize("name", ["csv", "hdb-resale", "birmingham-occupancy"])
def test_cells_of_a_first_row_that_is_no_header_are_not_told(name: str) -> None:
    options = ImportOptions(profile="property", timezone="Europe/London")

    with pytest.raises(FormatError) as error:
        list(registry.get(name).read(io.BytesIO(PERSON), options))

    assert "Wang" not in str(error.value)
    assert "1101" not in str(error.value)
    assert "column" in str(error.value)

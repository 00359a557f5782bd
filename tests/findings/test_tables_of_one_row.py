"""A file of nothing but commas is one row, and was held whole: ten bytes of memory for each of a gigabyte."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import pytest

from cityledger.errors import FormatError
from cityledger.formats.native_csv import read_csv
from cityledger.formats.options import ImportOptions
from cityledger.formats.table import MAX_ROW_CHARACTERS

if TYPE_CHECKING:
    from typing_extensions import Buffer


class _Endless(io.RawIOBase):
    """``head``, then one piece again and again."""

    def __init__(self, head: bytes, piece: bytes) -> None:
        self._head, self._piece = head, piece
        self.given = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Buffer, /) -> int:
        view = memoryview(buffer)
        data, self._head = (self._head or self._piece)[: len(view)], b""
        view[: len(data)] = data
        self.given += len(data)
        return len(data)


@pytest.mark.parametrize("head", [b"", b"id,act\n"], ids=["header", "row"])
@pytest.mark.parametrize("piece", [b"," * 4_000, b'"\n",' * 1_000], ids=["one line", "many lines"])
def test_row_without_end_is_refused_before_it_is_held(head: bytes, piece: bytes) -> None:
    source = _Endless(head, piece)

    with pytest.raises(FormatError, match="a row of more than"):
        list(read_csv(io.BufferedReader(source), ImportOptions(profile="property")))

    assert source.given < 4 * MAX_ROW_CHARACTERS

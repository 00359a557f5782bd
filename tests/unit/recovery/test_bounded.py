from __future__ import annotations

from collections.abc import Iterator

from cityledger.recovery.bounded import bounded


def test_bounded_gives_what_is_short_enough() -> None:
    assert bounded([b"ab", b"c"], 3) == b"abc"


def test_bounded_reads_no_further_than_one_chunk_too_many() -> None:
    def endless() -> Iterator[bytes]:
        for number in range(10):
            assert number < 4
            yield b"ab"

    assert bounded(endless(), 5) == b""

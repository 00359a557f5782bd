from __future__ import annotations

from collections.abc import Iterator

import pytest

from cityledger.store.pipe import Pipe, in_thread


def test_pipe_hands_over_every_chunk_in_order() -> None:
    pipe = Pipe(2)
    got: list[bytes] = []
    ended = in_thread(lambda: got.extend(pipe))

    pipe.fill(bytes([number]) for number in range(100))

    assert ended() is None
    assert got == [bytes([number]) for number in range(100)]
    assert pipe.total == 100


def test_pipe_tells_the_other_side_that_its_source_failed() -> None:
    def failing() -> Iterator[bytes]:
        yield b"a"
        raise ValueError("no more")

    pipe = Pipe(2)
    got: list[bytes] = []
    ended = in_thread(lambda: got.extend(pipe))

    with pytest.raises(ValueError, match="no more"):
        pipe.fill(failing())

    assert isinstance(ended(), BrokenPipeError)


def test_pipe_stops_asking_its_source_once_nobody_takes_more() -> None:
    requested: list[int] = []

    def endless() -> Iterator[bytes]:
        while True:
            requested.append(1)
            yield b"x"

    pipe = Pipe(2)

    def taking_three() -> None:
        chunks = iter(pipe)
        for _ in range(3):
            next(chunks)
        pipe.close()

    ended = in_thread(taking_three)
    pipe.fill(endless())

    assert ended() is None
    assert 3 <= len(requested) <= 6


def test_in_thread_gives_back_what_was_raised() -> None:
    def failing() -> None:
        raise KeyError("k")

    assert isinstance(in_thread(failing)(), KeyError)

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from cityledger.errors import BusyError
from cityledger.exchange.turns import Turns


def test_callers_of_one_key_are_inside_one_at_a_time() -> None:
    turns, inside, most = Turns(), 0, 0

    def work(_: int) -> None:
        nonlocal inside, most
        with turns.turn("a"):
            inside += 1
            most = max(most, inside)
            inside -= 1

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(work, range(200)))

    assert (inside, most) == (0, 1)


def test_another_key_does_not_wait() -> None:
    turns, done = Turns(), threading.Event()

    def work() -> None:
        with turns.turn("b"):
            done.set()

    with turns.turn("a"):
        thread = threading.Thread(target=work)
        thread.start()
        assert done.wait(20)
        thread.join()


def test_nothing_is_kept_of_a_key_that_no_caller_waits_for() -> None:
    turns = Turns()

    with pytest.raises(RuntimeError), turns.turn("a"):
        raise RuntimeError

    assert turns._queues == {}


def test_waiting_ends() -> None:
    turns = Turns(wait_seconds=0.01)

    with turns.turn("a"), pytest.raises(BusyError), turns.turn("a"):
        raise AssertionError("two callers are inside")
    with turns.turn("a"):
        pass

    assert turns._queues == {}

from __future__ import annotations

import pytest

from cityledger.api.limits.body_memory import BodyMemory
from cityledger.errors import BusyError


def test_bytes_count_until_their_request_ends() -> None:
    memory = BodyMemory(100, 60)

    with memory.share("a") as share:
        share.add(50)
        assert memory.used_bytes == 50

    assert memory.used_bytes == 0


def test_one_holder_gets_no_more_than_its_share() -> None:
    memory = BodyMemory(100, 60)

    with memory.share("a") as first, memory.share("a") as second, memory.share("b") as other:
        first.add(50)
        with pytest.raises(BusyError, match="your other requests"):
            second.add(11)
        other.add(50)

    assert memory.used_bytes == 0


def test_all_holders_together_get_no_more_than_the_total() -> None:
    memory = BodyMemory(100, 60)

    with memory.share("a") as first, memory.share("b") as second:
        first.add(60)
        with pytest.raises(BusyError, match="of other requests"):
            second.add(41)
        second.add(40)


def test_bytes_are_given_back_after_a_failure() -> None:
    memory = BodyMemory(100, 60)

    with pytest.raises(RuntimeError), memory.share("a") as share:
        share.add(10)
        raise RuntimeError

    assert memory.used_bytes == 0

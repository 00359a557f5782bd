from __future__ import annotations

import asyncio

from fastapi import Request

from cityledger.api.http.hanging_up import announce, hung_up


def test_a_request_knows_the_event_of_its_connection() -> None:
    gone, state = asyncio.Event(), dict[str, object]()
    announce(state, gone)

    assert hung_up(Request({"type": "http", "state": state})) is gone


def test_a_server_that_announces_nothing_never_says_so() -> None:
    assert not hung_up(Request({"type": "http"})).is_set()

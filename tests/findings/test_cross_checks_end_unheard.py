"""One answer that could not be read, or a disk that was full when a mismatch was found, ended the thread of
the cross-check: nothing was checked from then on, and a restart forgot the mismatch.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence

import pytest

from cityledger.errors import StorageFullError
from cityledger.exchange.rules.crosscheck import READS_STOPPED, CrossCheck, Permitted
from cityledger.store import node_state
from cityledger.types import Address, BlockRef, Decision, Query
from crash.waiting import await_that
from support.node.node_fixture import TestNode

PERMITTED = Permitted(Address("0x" + "11" * 20), BlockRef(1, bytes(32), 1), (), ())


class Contract:
    """First an answer that is none; then another decision than the node's."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, _policy: Address, _queries: Sequence[Query], _block: BlockRef) -> Sequence[Decision]:
        self.calls += 1
        if self.calls == 1:
            raise ValueError("no boolean")
        return [Decision(False, 1, bytes(32), bytes(32), 0)]


def test_mismatch_is_found_and_kept_after_failures(node: TestNode, monkeypatch: pytest.MonkeyPatch) -> None:
    services, run = node.context.services, node.context.services.journal.run
    failures = iter([StorageFullError("no room")])

    def full_once(work: object) -> object:
        for failure in failures:
            raise failure
        return run(work)  # type: ignore[arg-type]

    monkeypatch.setattr(services.journal, "run", full_once)
    check = CrossCheck(services.database, services.journal, Contract(), share=1, random_unit=lambda: 0.5)
    stop = threading.Event()
    thread = threading.Thread(target=check.run, args=(stop,))
    check.consider(PERMITTED)
    check.consider(PERMITTED)
    thread.start()

    def is_stored() -> bool:
        with services.database.reading() as connection:
            return node_state.find_value(connection, READS_STOPPED) is not None

    try:
        await_that("the mismatch is in the database", is_stored)
    finally:
        stop.set()
        thread.join()

"""The ledger as a brownie user meets it: isolation, reverts with their facts, fuzzing, a state machine."""

from __future__ import annotations

import pytest
from brownie.test import given, strategy
from hypothesis import HealthCheck, settings

import brownie
from brownie import accounts

HEALTH, OPERATOR, STRANGER = 3, 4, 7
RECORDS, NO_LOG = 1, 0


def _anchor(ledger, *batches, by=OPERATOR):  # type: ignore[no-untyped-def]
    return ledger.anchor(list(batches), {"from": accounts[by]})


@pytest.mark.parametrize("again", range(2))
def test_open_log_numbers_logs_from_one_and_is_undone_after_each_test(city, health, log, again):  # type: ignore[no-untyped-def]
    opened = city["RecordLedger"].openLog(
        health, RECORDS, accounts[OPERATOR], NO_LOG, {"from": accounts[HEALTH]}
    )

    assert (log, opened.events["LogOpened"]["log"]) == (1, 2)


def test_open_log_reverts_for_a_stranger(city, health):  # type: ignore[no-untyped-def]
    message = f"RecordLedgerNotAccount: {health}, {accounts[STRANGER].address.lower()}"

    with brownie.reverts(message):
        city["RecordLedger"].openLog(
            health, RECORDS, accounts[OPERATOR], NO_LOG, {"from": accounts[STRANGER]}
        )


def test_anchor_reverts_without_batches(city, log):  # type: ignore[no-untyped-def]
    with brownie.reverts("RecordLedgerNoBatches: "):
        _anchor(city["RecordLedger"])


def test_anchor_skips_a_batch_of_another_operator(city, log):  # type: ignore[no-untyped-def]
    sent = _anchor(city["RecordLedger"], (log, 0, 5, b"\1" * 32), by=STRANGER)

    assert sent.events["Skipped"]["next"] == 0
    assert city["RecordLedger"].logOf(log)[3] == 0


@settings(max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(count=strategy("uint32", max_value=200_000))
def test_anchor_moves_the_log_by_the_count_or_not_at_all(city, log, count):  # type: ignore[no-untyped-def]
    before = city["RecordLedger"].logOf(log)[3]

    _anchor(city["RecordLedger"], (log, before, count, b"\1" * 32))

    moved = count if 1 <= count <= 65_536 else 0
    assert city["RecordLedger"].logOf(log)[3] == before + moved


def test_ledger_keeps_every_number_once(city, log, state_machine):  # type: ignore[no-untyped-def]
    """Whatever is anchored in whatever order, a log's next number is the sum of what it took."""
    ledger = city["RecordLedger"]

    class Machine:
        first = strategy("uint8", max_value=12)
        count = strategy("uint8", min_value=1, max_value=6)

        def setup(self) -> None:
            self.next = ledger.logOf(log)[3]

        def rule_anchor(self, first: int, count: int) -> None:
            sent = _anchor(ledger, (log, first, count, b"\1" * 32))
            fits = first == self.next
            assert ("BatchAnchored" in sent.events) == fits
            self.next += count if fits else 0

        def rule_anchor_what_fits(self, count: int) -> None:
            _anchor(ledger, (log, self.next, count, b"\2" * 32))
            self.next += count

        def invariant_next_is_the_sum(self) -> None:
            assert ledger.logOf(log)[3] == self.next

    state_machine(Machine, settings={"max_examples": 3, "stateful_step_count": 6})

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import replace

import pytest

from cityledger.errors import ChainUnavailableError, UnavailableError
from cityledger.exchange.access import Access, Intent, Target
from cityledger.exchange.gate import pass_gate
from cityledger.exchange.rules.crosscheck import CrossCheck
from cityledger.exchange.services import Services
from cityledger.sealing.record_ids import record_id
from cityledger.types import Action, Address, AgencyId, BlockRef, Decision, Query, purpose_from_name
from support.node.node_fixture import TestNode
from support.node.sample_records import TREATMENT_RECORD

INTENT = Intent(Action.READ, purpose_from_name("TREATMENT"))


class Contract:
    """Answers as the node did, unless it has another answer, and records its queries."""

    def __init__(self, answer: Decision | Exception | None = None) -> None:
        self.answer = answer
        self.calls: list[tuple[Address, Sequence[Query], BlockRef]] = []
        self.is_called = threading.Event()
        self.ours: Sequence[Decision] = ()

    def __call__(self, policy: Address, queries: Sequence[Query], block: BlockRef) -> Sequence[Decision]:
        self.calls.append((policy, queries, block))
        self.is_called.set()
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.ours if self.answer is None else [self.answer for _ in queries]


def _services(node: TestNode, contract: Contract, *, share: float = 1, random_unit: float = 0.5) -> Services:
    services = node.context.services
    check = CrossCheck(
        services.database, services.journal, contract, share=share, random_unit=lambda: random_unit
    )
    return replace(services, cross_check=check)


def _read(node: TestNode, services: Services) -> Sequence[Decision]:
    """Writes a record through the node, and reads it."""
    node.put(node.health, "visit-1", TREATMENT_RECORD)
    return _read_again(node, services)


def _read_again(node: TestNode, services: Services) -> Sequence[Decision]:
    key = services.keys_of(AgencyId(1)).record_key(node.health)
    target = Target(node.health, record_id(key, "visit-1"), parts=1)
    passed = pass_gate(services, Access(node.session("LAND", "reader"), INTENT, target))
    return tuple(answer.decision for answer in passed.ruling.answers)


def _check_what_waits(services: Services) -> None:
    services.cross_check.check(services.cross_check._waiting.get_nowait())


def test_consider_asks_the_contract_at_the_decided_block(node: TestNode) -> None:
    contract = Contract()
    services = _services(node, contract)
    contract.ours = _read(node, services)

    _check_what_waits(services)

    ((_policy, queries, block),) = contract.calls
    assert block.number == node.block
    assert [query.action for query in queries] == [Action.READ]
    services.cross_check.verify_agreed()


def test_a_mismatch_stops_every_read_also_after_a_restart(node: TestNode) -> None:
    contract = Contract(Decision(False, 81, bytes(32), bytes(32), 0))
    services = _services(node, contract)
    _read(node, services)

    _check_what_waits(services)

    with pytest.raises(UnavailableError, match="contract and index disagreed at block"):
        _read_again(node, services)
    with pytest.raises(UnavailableError, match="reads are stopped"):
        _services(node, contract).cross_check.verify_agreed()


def test_a_mismatch_found_by_one_process_stops_the_reads_of_another(node: TestNode) -> None:
    contract = Contract(Decision(False, 81, bytes(32), bytes(32), 0))
    finder, other = _services(node, contract), _services(node, contract)
    _read(node, finder)
    other.cross_check.verify_agreed()

    _check_what_waits(finder)

    with pytest.raises(UnavailableError, match="contract and index disagreed at block"):
        _read_again(node, other)
    with pytest.raises(UnavailableError, match="reads are stopped"):
        other.cross_check.verify_agreed()


def test_a_chain_that_does_not_answer_is_no_mismatch(node: TestNode) -> None:
    services = _services(node, Contract(ChainUnavailableError("no answer")))
    _read(node, services)

    _check_what_waits(services)

    services.cross_check.verify_agreed()


@pytest.mark.parametrize(("share", "random_unit", "picked"), [(0, 0.0, 0), (0.01, 0.02, 0), (0.01, 0.005, 1)])
def test_consider_picks_the_share_that_is_configured(
    node: TestNode, share: float, random_unit: float, picked: int
) -> None:
    services = _services(node, Contract(), share=share, random_unit=random_unit)

    _read(node, services)

    assert services.cross_check._waiting.qsize() == picked


def test_run_checks_in_the_background_until_it_is_stopped(node: TestNode) -> None:
    contract = Contract()
    services = _services(node, contract)
    stop = threading.Event()
    thread = threading.Thread(target=services.cross_check.run, args=(stop,))
    thread.start()
    contract.ours = _read(node, services)

    assert contract.is_called.wait(5)
    stop.set()
    thread.join(5)
    assert not thread.is_alive()

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import pytest

from cityledger.anchoring.continuation import LogContinuation, find_log
from cityledger.chain.contracts.record_ledger import Log
from cityledger.store.anchoring.logs import LogHead
from cityledger.types import ZERO32, Address, AgencyId, HaltCause, LeafHash, LogId, LogKind

OPERATOR, FORMER, STRANGER = (Address("0x" + digit * 40) for digit in "123")
AGENCY, KIND = AgencyId(7), LogKind.RECORDS
ONE, TWO = LogId(1), LogId(2)


@dataclass
class Ledger:
    """The logs on chain; a call is a function that changes them when it is sent."""

    logs: dict[LogId, Log] = field(default_factory=dict)
    predecessors: dict[LogId, LogId | None] = field(default_factory=dict)
    sent: list[str] = field(default_factory=list)

    def log_count(self, _block: str) -> int:
        return len(self.logs)

    def find_log(self, log: LogId, _block: str) -> Log | None:
        return self.logs.get(log)

    def open_log(
        self, agency: AgencyId, kind: LogKind, operator: Address, predecessor: LogId | None
    ) -> Callable[[], None]:
        number = LogId(len(self.logs) + 1)

        def opened() -> None:
            self.logs[number] = Log(agency, kind, False, 0, operator)
            self.predecessors[number] = predecessor

        return self._recorded(f"open {number}", opened)

    def close_log(self, log: LogId) -> Callable[[], None]:
        return self._recorded(f"close {log}", lambda: self._set(log, closed=True))

    def set_operator(self, log: LogId, operator: Address) -> Callable[[], None]:
        return self._recorded(f"operator {log}", lambda: self._set(log, operator=operator))

    def _set(self, log: LogId, **values: object) -> None:
        self.logs[log] = replace(self.logs[log], **values)  # type: ignore[arg-type]

    def _recorded(self, name: str, change: Callable[[], None]) -> Callable[[], None]:
        def recorded() -> None:
            self.sent.append(name)
            change()

        return recorded


def on_chain(*logs: tuple[Address, int]) -> Ledger:
    """Open logs from 1 on, each with its operator and the number that comes next."""
    return Ledger(
        {LogId(at): Log(AGENCY, KIND, False, count, who) for at, (who, count) in enumerate(logs, start=1)}
    )


def stored(*halts: HaltCause | None) -> list[LogHead]:
    """Logs from 1 on that the database writes."""
    return [
        LogHead(LogId(at), AGENCY, KIND, 4, LeafHash(ZERO32), halted, None, 0)
        for at, halted in enumerate(halts, start=1)
    ]


def continuation(ledger: Ledger, heads: Sequence[LogHead] | None) -> LogContinuation:
    known = None if heads is None else {head.log: head for head in heads}
    send: Callable[[Callable[[], None]], None] = lambda call: call()  # noqa: E731
    return LogContinuation(ledger, send, AGENCY, OPERATOR, known, [FORMER])  # type: ignore[arg-type]


def test_open_log_opens_the_first_log_without_predecessor() -> None:
    ledger = on_chain()
    assert continuation(ledger, None).open_log(KIND) == ONE
    assert ledger.predecessors == {ONE: None}


@pytest.mark.parametrize("heads", [None, stored(None)], ids=["without a database", "as known"])
def test_open_log_sends_nothing_where_the_log_can_be_written(heads: list[LogHead] | None) -> None:
    ledger = on_chain((OPERATOR, 4))
    assert continuation(ledger, heads).open_log(KIND) == ONE
    assert ledger.sent == []


@pytest.mark.parametrize("cause", [HaltCause.CHAIN_AHEAD, HaltCause.OTHER_ROOT])
def test_open_log_continues_a_log_whose_leaves_are_lost_and_closes_it(cause: HaltCause) -> None:
    ledger = on_chain((OPERATOR, 9))
    assert continuation(ledger, stored(cause)).open_log(KIND) == TWO
    assert ledger.sent == ["open 2", "close 1"]
    assert ledger.predecessors == {TWO: ONE}


def test_open_log_continues_a_log_that_the_database_does_not_have() -> None:
    ledger = on_chain((OPERATOR, 9))
    assert continuation(ledger, []).open_log(KIND) == TWO
    assert ledger.predecessors == {TWO: ONE}


def test_open_log_uses_an_empty_log_that_the_database_does_not_have() -> None:
    assert continuation(on_chain((OPERATOR, 0)), []).open_log(KIND) == ONE


def test_open_log_only_closes_when_the_successor_was_opened_before_a_crash() -> None:
    ledger = on_chain((OPERATOR, 9), (OPERATOR, 0))
    assert continuation(ledger, stored(HaltCause.CHAIN_AHEAD)).open_log(KIND) == TWO
    assert ledger.sent == ["close 1"]


def test_open_log_takes_back_a_log_that_was_refused_for_its_operator() -> None:
    ledger = on_chain((STRANGER, 4))
    assert continuation(ledger, stored(HaltCause.REFUSED_OPERATOR)).open_log(KIND) == ONE
    assert ledger.sent == ["operator 1"]


def test_open_log_hands_over_the_log_of_a_former_operator_of_the_node() -> None:
    ledger = on_chain((FORMER, 4))
    assert continuation(ledger, stored(None)).open_log(KIND) == ONE
    assert ledger.sent == ["operator 1"]


def test_open_log_leaves_another_operators_log_that_is_not_halted() -> None:
    ledger = on_chain((STRANGER, 4))
    assert continuation(ledger, stored(None)).open_log(KIND) == TWO
    assert ledger.sent == ["open 2"]


def test_find_log_ignores_closed_logs_and_those_of_others() -> None:
    ledger = on_chain((OPERATOR, 4), (STRANGER, 0), (OPERATOR, 0))
    ledger.close_log(LogId(3))()
    assert find_log(ledger, AGENCY, KIND, OPERATOR) == ONE  # type: ignore[arg-type]
    assert find_log(ledger, AGENCY, KIND, FORMER) is None  # type: ignore[arg-type]

"""The logs that a node writes next, as the agency's account arranges them on chain: one is opened, given back
to the node's operator, or continued by a successor.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

from cityledger.chain.contracts.record_ledger import RecordLedger
from cityledger.chain.transactions import Call
from cityledger.store.anchoring.logs import LogHead
from cityledger.types import Address, AgencyId, HaltCause, LogId, LogKind

_LOST = (HaltCause.CHAIN_AHEAD, HaltCause.OTHER_ROOT)
"""Causes after which it is not known which leaves have the log's next numbers."""


@dataclass(frozen=True, slots=True)
class LogContinuation:
    """The logs of one agency for one node and its ``operator``."""

    ledger: RecordLedger
    send: Callable[[Call], object]
    """Sends a call from the agency's account, and returns when it is mined."""
    agency: AgencyId
    operator: Address
    known: Mapping[LogId, LogHead] | None
    """The logs that the node's database writes; None where it has no database yet."""
    own: Collection[Address]
    """Accounts of this node: the logs of a former operator are handed over."""

    def open_log(self, kind: LogKind) -> LogId | None:
        """The log that the node writes from now on, opened unless there is one that it can write."""
        self._take_back(kind)
        current = find_log(self.ledger, self.agency, kind, self.operator)
        if current is None or self._is_lost(current):
            predecessor = self._predecessor(kind, current)
            self.send(self.ledger.open_log(self.agency, kind, self.operator, predecessor))
        self._close_lost(kind)
        return find_log(self.ledger, self.agency, kind, self.operator)

    def _take_back(self, kind: LogKind) -> None:
        for head in self._heads(kind):
            log = self.ledger.find_log(head.log, "latest")
            is_elsewhere = log is not None and not log.closed and log.operator != self.operator
            is_formers = log is not None and log.operator in self.own
            if is_elsewhere and (head.halted is HaltCause.REFUSED_OPERATOR or is_formers):
                self.send(self.ledger.set_operator(head.log, self.operator))

    def _is_lost(self, log: LogId) -> bool:
        """Whether the database can never write this log again: it does not have the log's leaves."""
        if self.known is None:
            return False
        head = self.known.get(log)
        if head is None:
            on_chain = self.ledger.find_log(log, "latest")
            return on_chain is not None and on_chain.next > 0
        return head.halted in _LOST

    def _predecessor(self, kind: LogKind, current: LogId | None) -> LogId | None:
        """The newest log of the agency and kind that this node wrote, or that its operator was given."""
        if current is not None:
            return current
        return max((head.log for head in self._heads(kind)), default=None)

    def _close_lost(self, kind: LogKind) -> None:
        """After the successor is open: if a crash separates the two, a second run only closes."""
        for head in self._heads(kind):
            log = self.ledger.find_log(head.log, "latest")
            if head.halted in _LOST and log is not None and not log.closed:
                self.send(self.ledger.close_log(head.log))

    def _heads(self, kind: LogKind) -> list[LogHead]:
        known = () if self.known is None else self.known.values()
        return [head for head in known if (head.agency, head.kind) == (self.agency, kind)]


def find_log(ledger: RecordLedger, agency: AgencyId, kind: LogKind, operator: Address) -> LogId | None:
    """The newest open log of an agency and kind whose operator is this account."""
    for number in range(ledger.log_count("latest"), 0, -1):
        log = ledger.find_log(LogId(number), "latest")
        if log is None or log.closed:
            continue
        if (log.agency, log.kind, log.operator) == (agency, kind, operator):
            return LogId(number)
    return None

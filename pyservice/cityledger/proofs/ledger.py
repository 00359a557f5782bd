"""Queries of a verifier to a chain. Source: SPEC.md §7."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from cityledger.types import Address, AgencyId, DatasetId, LogId, LogKind


@dataclass(frozen=True, slots=True)
class QueriedBlock:
    """The block whose state answered every query. One that is not ``is_final`` may be undone by a reorg, and
    the verdict with it."""

    number: int
    is_final: bool


@dataclass(frozen=True, slots=True)
class LogInfo:
    """A log's agency, kind and next number."""

    agency: AgencyId
    kind: LogKind
    next: int


class LedgerReader(Protocol):
    """A chain that the verifier trusts, all answers of one block. The verifier chose ``ledger``, never the
    file."""

    @property
    def chain_id(self) -> int: ...

    @property
    def ledger(self) -> Address: ...

    @property
    def block(self) -> QueriedBlock:
        """The block of all answers."""
        ...

    def instance(self) -> bytes:
        """The deployment's 32 bytes."""
        ...

    def batch_word(self, log: LogId, first: int) -> bytes:
        """keccak(abi.encode(root, count)) of the batch, 32 zero bytes for none."""
        ...

    def log_info(self, log: LogId) -> LogInfo | None:
        """None for a log that does not exist."""
        ...

    def dataset_provider(self, dataset: DatasetId) -> AgencyId:
        """0 for a dataset that does not exist."""
        ...

    def operator_at(self, log: LogId, block: int) -> Address | None:
        """The log's operator at the end of a block, by ``LogOpened`` and ``OperatorSet``; None before it was
        opened."""
        ...

    def logs_of(self, agency: AgencyId) -> tuple[LogId, ...]:
        """Every log that the agency opened, of either kind, by ``LogOpened``."""
        ...

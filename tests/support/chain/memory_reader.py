"""A small honest chain in memory, as a verifier asks one: logs, operators, batches and datasets."""

from __future__ import annotations

from dataclasses import dataclass, field

from cityledger.proofs.ledger import LogInfo, QueriedBlock
from cityledger.proofs.proof_file import Proof
from cityledger.proofs.verify import batch_word
from cityledger.types import ZERO32, Address, AgencyId, DatasetId, LogId, LogKind

HEAD = QueriedBlock(2**53 + 100, is_final=True)


@dataclass
class MemoryReader:
    """A ``LedgerReader`` whose answers a test sets."""

    chain_id: int
    ledger: Address
    stated_instance: bytes
    block: QueriedBlock = HEAD
    batches: dict[tuple[LogId, int], bytes] = field(default_factory=dict)
    logs: dict[LogId, LogInfo] = field(default_factory=dict)
    operators: dict[LogId, list[tuple[int, Address]]] = field(default_factory=dict)
    """(block, account), oldest first."""
    providers: dict[DatasetId, AgencyId] = field(default_factory=dict)

    def instance(self) -> bytes:
        return self.stated_instance

    def batch_word(self, log: LogId, first: int) -> bytes:
        return self.batches.get((log, first), ZERO32)

    def log_info(self, log: LogId) -> LogInfo | None:
        return self.logs.get(log)

    def dataset_provider(self, dataset: DatasetId) -> AgencyId:
        return self.providers.get(dataset, AgencyId(0))

    def operator_at(self, log: LogId, block: int) -> Address | None:
        earlier = [account for since, account in self.operators.get(log, []) if since <= block]
        return earlier[-1] if earlier else None

    def logs_of(self, agency: AgencyId) -> tuple[LogId, ...]:
        return tuple(log for log, info in self.logs.items() if info.agency == agency)

    # --- what a test does to it ----------------------------------------------------------------------------

    def open_log(self, log: LogId, agency: AgencyId, kind: LogKind, operator: Address) -> None:
        self.logs[log] = LogInfo(agency, kind, 0)
        self.operators[log] = [(0, operator)]

    def anchor(self, proof: Proof) -> None:
        """Takes the batch that a proof names."""
        tree = proof.tree
        self.batches[tree.log, tree.first] = batch_word(tree.root, tree.count)
        info = self.logs[tree.log]
        self.logs[tree.log] = LogInfo(info.agency, info.kind, max(info.next, tree.first + tree.count))

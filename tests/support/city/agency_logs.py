"""Logs of one agency of ``City``, and leaves anchored in them."""

from eth_utils.crypto import keccak

from cityledger.chain.contracts.record_ledger import (
    Batch,
    Inclusion,
)
from cityledger.proofs.leaves import PartLeaf, RecordLeaf
from cityledger.proofs.merkle import Tree
from cityledger.types import (
    Address,
    AgencyStatus,
    DatasetId,
    LeafHash,
    LogId,
    LogKind,
    RecordId,
    SubjectId,
)
from support.city.city_on_chain import City

NO_LOG = LogId(0)
MISSING = LogId(99)
ROOT_HASH = b"\5" * 32
OTHER_INSTANCE = b"\x11" * 32


def open_log(city: City, kind: LogKind = LogKind.RECORDS, predecessor: LogId = NO_LOG) -> LogId:
    """A log of HEALTH."""
    arguments = city.health, kind, city.operator, predecessor
    return city.ledger.send(city.health_account, "openLog", *arguments)[0].log  # type: ignore[union-attr]


def anchor(city: City, *batches: Batch, sender: Address | None = None) -> list[object]:
    items = [batch.to_abi() for batch in batches]
    return list(city.ledger.send(sender or city.operator, "anchor", items))


def leave(city: City, status: AgencyStatus) -> None:
    """Moves HEALTH away from Active."""
    if status == AgencyStatus.SUSPENDED:
        city.registry.send(city.guard, "suspend", city.health)
    else:
        city.registry.send(city.council, "offboard", city.health)


AWAY = [AgencyStatus.SUSPENDED, AgencyStatus.OFFBOARDED]


def leaf_hashes(count: int) -> list[LeafHash]:
    return [LeafHash(keccak(b"\0" + keccak(text=str(i)))) for i in range(count)]


def place(tree: Tree, first: int, index: int) -> Inclusion:
    return Inclusion(first, tree.size, tree.root, tree.inclusion_proof(index))


def record_leaf(city: City, log: LogId, dataset: DatasetId) -> RecordLeaf:
    return RecordLeaf(
        instance=city.instance,
        log=log,
        seq=0,
        dataset=dataset,
        record=RecordId(b"\x0a" * 32),
        version=1,
        subjects=(SubjectId(b"\x0b" * 32), SubjectId(b"\x0c" * 32)),
        schema=b"\3" * 32,
        parts=(PartLeaf("summary", b"\1" * 32, b"\2" * 32), PartLeaf("images", b"\3" * 32, b"\4" * 32)),
    )

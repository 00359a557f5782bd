"""What the calls cost, compared with contracts/gas-snapshot.json. Remake it with CITYLEDGER_UPDATE_GAS=1.

Calldata is counted as if no byte of it were zero: dataset ids differ with the instance, and a zero byte is
12 gas cheaper than another (EIP-2028), so the plain figure would change from one devnet to the next.
"""

import json
import os
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from eth_utils.crypto import keccak

from cityledger.chain.abi.artifacts import FOLLOWED_NAMES, entries_of_kind
from cityledger.chain.contracts.data_catalog import terms_to_abi
from cityledger.chain.contracts.record_ledger import Batch, Inclusion, record_leaf_to_abi
from cityledger.proofs.leaves import PartLeaf, RecordLeaf, leaf_hash
from cityledger.proofs.merkle import Tree
from cityledger.types import (
    NO_END,
    ZERO32,
    Address,
    DatasetId,
    LeafHash,
    LogId,
    LogKind,
    RecordId,
    Role,
    SharingClass,
    SubjectId,
)
from support.city.city_on_chain import (
    ROOT,
    TREATMENT,
    UNLISTED,
    City,
    Deployed,
    admission,
    publication,
    terms,
)

SNAPSHOT = ROOT / "contracts/gas-snapshot.json"
AGENCIES = 53
ROOT_HASH = b"\5" * 32
RECORD = RecordId(b"\x0a" * 32)
UNMEASURED = {"setAuthority"}
"""OpenZeppelin's; only its AccessManager may call it."""


def test_gas_is_that_of_the_snapshot(city: City) -> None:
    measured = measure(city)
    if os.environ.get("CITYLEDGER_UPDATE_GAS"):
        SNAPSHOT.write_text(json.dumps(measured, indent=1) + "\n", "utf-8")
    assert measured == json.loads(SNAPSHOT.read_text("utf-8"))


def test_snapshot_names_every_call() -> None:
    calls = {
        entry["name"]
        for name in FOLLOWED_NAMES
        for entry in entries_of_kind(name, "function")
        if entry["stateMutability"] == "nonpayable"
    }
    measured = {name.split(",")[0] for name in json.loads(SNAPSHOT.read_text("utf-8"))}
    assert measured == calls - UNMEASURED


def measure(city: City) -> dict[str, int]:
    """Gas of each call by its name, and what is particular about it."""
    gas = _Gas(city)
    _govern(gas)
    dataset = _catalogue(gas)
    logs = _open_logs(gas)
    _anchor(gas, logs)
    _move_heads(gas, logs[0], dataset)
    _leave(gas, logs, dataset)
    return gas.used


class _Gas:
    def __init__(self, city: City) -> None:
        self.city = city
        self.used: dict[str, int] = {}

    def note(self, name: str, of: Deployed, sender: Address, *arguments: object) -> None:
        """Sends the call that ``name`` begins with and notes its gas, each byte of calldata at full price."""
        receipt = of.receipt(sender, name.split(",")[0], *arguments)
        sent = self.city.chain.rpc("eth_getTransactionByHash", receipt["transactionHash"])
        self.used[name] = _used(receipt, bytes.fromhex(sent["input"][2:]))


def _used(receipt: Mapping[str, Any], data: bytes) -> int:
    return int(receipt["gasUsed"], 16) + 12 * data.count(0)


def _govern(gas: _Gas) -> None:
    city, registry = gas.city, gas.city.registry
    gas.note("set", city.directory, city.council, b"A".ljust(32, b"\0"), city.ledger.address)
    gas.note("admit", registry, city.council, admission("LAND", city.stranger))
    gas.note("appoint", registry, city.tax_account, city.tax, city.auditor, Role.AUDITOR, NO_END)
    gas.note("dismiss", registry, city.tax_account, city.tax, city.auditor)
    gas.note("rotateKeys", registry, city.tax_account, city.tax, b"\7" * 32, b"\6" * 32)
    gas.note("rotateAccount", registry, city.council, city.tax, city.auditor)
    gas.note("suspend", registry, city.guard, city.tax)
    gas.note("reinstate", registry, city.council, city.tax)
    gas.note("reportCompromise", registry, city.guard, city.tax)
    gas.note("offboard", registry, city.council, city.tax)
    gas.note("addPurpose", city.catalog, city.council, UNLISTED)
    gas.note("removePurpose", city.catalog, city.council, UNLISTED)


def _catalogue(gas: _Gas) -> DatasetId:
    city, catalog = gas.city, gas.city.catalog
    gas.note("publish, 2 parts", catalog, city.steward, publication(city.health).to_abi())
    dataset = city.publish("health/visits/second")
    gas.note("grant", catalog, city.steward, dataset, city.police, TREATMENT, 3, 0, NO_END)
    gas.note("revoke", catalog, city.steward, dataset, city.police, TREATMENT)
    tighter = terms_to_abi(terms(SharingClass.NOT_SHARED))
    gas.note("revise, tighter", catalog, city.steward, dataset, tighter, ZERO32, NO_END, 0)
    looser = terms_to_abi(terms(SharingClass.UNCONDITIONAL))
    gas.note("revise, looser", catalog, city.steward, dataset, looser, ZERO32, NO_END, 0)
    gas.note("restrict", catalog, city.steward, dataset, RECORD, city.police, True)
    gas.note("sealByLaw", catalog, city.steward, dataset, RECORD)
    gas.note("liftSeal", catalog, city.council, dataset, RECORD)
    return dataset


def _open_logs(gas: _Gas) -> list[LogId]:
    city, ledger = gas.city, gas.city.ledger
    for _ in range(AGENCIES):
        arguments = city.health, LogKind.RECORDS, city.operator, 0
        gas.note("openLog", ledger, city.health_account, *arguments)
    return [
        LogId(number) for number in range(ledger.ask("logCount") - AGENCIES + 1, ledger.ask("logCount") + 1)
    ]


def _anchor(gas: _Gas, logs: list[LogId]) -> None:
    _note_anchor(gas, "anchor, 1 batch of 1 record", [Batch(logs[0], 0, 1, ROOT_HASH)])
    _note_anchor(gas, "anchor, 1 batch of 1,000 records", [Batch(logs[0], 1, 1000, ROOT_HASH)])
    every = [Batch(log, 1001 * (log == logs[0]), 1, ROOT_HASH) for log in logs]
    _note_anchor(gas, f"anchor, {AGENCIES} batches of {AGENCIES} logs", every)


def _note_anchor(gas: _Gas, name: str, batches: list[Batch]) -> None:
    gas.note(name, gas.city.ledger, gas.city.operator, [batch.to_abi() for batch in batches])


def _move_heads(gas: _Gas, log: LogId, dataset: DatasetId) -> None:
    """Two versions of a record of one subject and two parts, each the last of a batch of 1,000."""
    expected = LeafHash(ZERO32)
    for version, name in ((1, "moveHead, first"), (2, "moveHead, later")):
        leaf, inclusion = _anchored(gas.city, log, _leaf(gas.city, log, dataset, version))
        arguments = record_leaf_to_abi(leaf), inclusion.to_abi(), expected
        gas.note(name, gas.city.ledger, gas.city.operator, *arguments)
        expected = leaf_hash(leaf.struct_hash())
    gas.note("resetHead", gas.city.ledger, gas.city.steward, dataset, RECORD, expected)


def _leaf(city: City, log: LogId, dataset: DatasetId, version: int) -> RecordLeaf:
    parts = (PartLeaf("summary", b"\1" * 32, b"\2" * 32), PartLeaf("images", b"\3" * 32, b"\4" * 32))
    subjects = (SubjectId(b"\x0b" * 32),)
    return RecordLeaf(city.instance, log, 0, dataset, RECORD, version, subjects, b"\3" * 32, parts)


def _anchored(city: City, log: LogId, leaf: RecordLeaf) -> tuple[RecordLeaf, Inclusion]:
    first = city.ledger.ask("logOf", log)["next"]
    placed = replace(leaf, seq=first + 999)
    others = [LeafHash(keccak(number.to_bytes(2, "big"))) for number in range(999)]
    tree = Tree([*others, leaf_hash(placed.struct_hash())])
    batch = Batch(log, first, tree.size, tree.root)
    city.ledger.send(city.operator, "anchor", [batch.to_abi()])
    return placed, Inclusion(first, tree.size, tree.root, tree.inclusion_proof(999))


def _leave(gas: _Gas, logs: list[LogId], dataset: DatasetId) -> None:
    city = gas.city
    gas.note("setOperator", city.ledger, city.health_account, logs[0], city.auditor)
    gas.note("closeLog", city.ledger, city.health_account, logs[0])
    gas.note("retire", city.catalog, city.steward, dataset)

"""Fixed facts of the city in which the nodes of the tests are: its chain, its agencies, its addresses."""

from __future__ import annotations

from eth_account import Account

from cityledger.chain.manifest import DeployedContract, Manifest
from cityledger.keccak import keccak
from cityledger.types import Address, DatasetId

CHAIN_ID = 31337
START = 1_767_190_000
"""The time at which a node is made, Unix seconds."""
INSTANCE = keccak(b"instance of the tests")
ORIGIN = "http://city.test"
CODES = ("HEALTH", "LAND", "PARKING")


def dataset_id(provider: int, path: str) -> DatasetId:
    return DatasetId(keccak(INSTANCE + provider.to_bytes(4, "big") + path.encode()))


def address_of(name: str) -> Address:
    return Address(Account.from_key(keccak(name.encode())).address)


def make_manifest() -> Manifest:
    names = ("CityDirectory", "AgencyRegistry", "DataCatalog", "RecordLedger", "AccessPolicy")
    return Manifest(
        chain_id=CHAIN_ID,
        instance=INSTANCE,
        commit="unknown",
        deployer=address_of("deployer"),
        loosening_delay_seconds=3_600,
        council_delay_seconds=3_600,
        council=address_of("council"),
        guard=address_of("guard"),
        contracts={name: DeployedContract(address_of(name), 1, keccak(name.encode())) for name in names},
    )

"""Checks that each contract was created by this program's creation code, and finds the block that did it.

The code at an address does not show what its constructor wrote: another constructor can leave the same code
and put a member into a role without any event. The transaction that created it shows that.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cityledger.chain.abi.artifacts import CONTRACT_NAMES
from cityledger.chain.abi.codec import encode_creation
from cityledger.chain.manifest import Manifest
from cityledger.chain.rpc.endpoint import Endpoint, to_hex


def constructor_arguments(manifest: Manifest) -> Mapping[str, tuple[object, ...]]:
    """The arguments that each constructor must have received, by contract."""
    manager, registry, catalog = (
        manifest.address(name) for name in ("AccessManager", "AgencyRegistry", "DataCatalog")
    )
    directory, delay = manifest.address("CityDirectory"), manifest.loosening_delay_seconds
    return {
        "AccessManager": (manifest.deployer,),
        "CityDirectory": (manager,),
        "AgencyRegistry": (manager,),
        "DataCatalog": (manager, registry, directory, delay),
        "RecordLedger": (registry, catalog, manifest.instance),
        "AccessPolicy": (registry, catalog),
    }


def find_creations(endpoint: Endpoint, manifest: Manifest) -> tuple[dict[str, int], list[str]]:
    """The block that created each contract, and what is wrong about its creation. The manifest is used only
    to find the transaction.
    """
    blocks: dict[str, int] = {}
    wrong: list[str] = []
    for name in CONTRACT_NAMES:
        transaction, receipt = _creation(endpoint, manifest.contracts[name].transaction)
        if receipt is None or transaction is None:
            shown = to_hex(manifest.contracts[name].transaction)
            wrong.append(f"{name}: the endpoint knows no transaction {shown}, which should have created it")
            continue
        blocks[name] = int(receipt["blockNumber"], 16)
        wrong += _complaints(manifest, name, transaction, receipt)
    return blocks, wrong


def _creation(endpoint: Endpoint, transaction: bytes) -> tuple[Any, Any]:
    methods = ("eth_getTransactionByHash", "eth_getTransactionReceipt")
    found = endpoint.request_many([(method, [to_hex(transaction)]) for method in methods])
    return found[0], found[1]


def _complaints(
    manifest: Manifest, name: str, transaction: Mapping[str, Any], receipt: Mapping[str, Any]
) -> list[str]:
    meant, block = manifest.contracts[name], int(receipt["blockNumber"], 16)
    if str(receipt["contractAddress"]).lower() != meant.address.lower():
        return [f"{name}: transaction {to_hex(meant.transaction)} did not create {meant.address}"]
    wrong = []
    expected = encode_creation(name, constructor_arguments(manifest)[name])
    if str(transaction["input"]).lower() != to_hex(expected):
        wrong.append(f"{name} was created by other code, or with other arguments")
    if str(transaction["from"]).lower() != manifest.deployer.lower():
        wrong.append(f"{name} was created by {transaction['from']} instead of {manifest.deployer}")
    if block != meant.block:  # the index begins there, so a higher one hides events from it
        wrong.append(f"{name} was created in block {block} instead of {meant.block}")
    return wrong

"""Logs of the followed contracts' events as JSON-RPC returns them, built from the ABI."""

from __future__ import annotations

from typing import Any

from eth_abi.abi import encode
from eth_utils.crypto import keccak

from cityledger.chain.abi.artifacts import FOLLOWED_NAMES, entries_of_kind
from cityledger.chain.abi.codec import canonical_type, signature
from support.chain.fake_chain import block_hash

CONTRACT = "0x" + "11" * 20
EVENTS = {
    f"{name}.{entry['name']}": entry for name in FOLLOWED_NAMES for entry in entries_of_kind(name, "event")
}


def raw_log(entry: dict[str, Any], values: dict[str, Any], block: int = 5, index: int = 0) -> dict[str, Any]:
    """The log as a node returns it."""
    indexed = [parameter for parameter in entry["inputs"] if parameter["indexed"]]
    plain = [parameter for parameter in entry["inputs"] if not parameter["indexed"]]
    topics = [keccak(text=signature(entry))]
    topics += [encode([parameter["type"]], [values[parameter["name"]]]) for parameter in indexed]
    types = [canonical_type(parameter) for parameter in plain]
    return {
        "address": CONTRACT,
        "topics": ["0x" + topic.hex() for topic in topics],
        "data": "0x" + encode(types, [values[parameter["name"]] for parameter in plain]).hex(),
        "blockNumber": hex(block),
        "blockHash": block_hash(block),
        "transactionHash": "0x" + "ab" * 32,
        "logIndex": hex(index),
    }


def sample(parameter: dict[str, Any]) -> Any:
    """A value of the parameter's type that every enum has."""
    kind = parameter["type"]
    if kind.endswith("[]"):
        return []
    if kind == "tuple":
        return tuple(sample(member) for member in parameter["components"])
    by_type = {"address": CONTRACT, "string": "text", "bool": True}
    return by_type.get(kind, b"A".ljust(32, b"\0") if kind == "bytes32" else 1)

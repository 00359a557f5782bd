"""Block hashes recomputed from header fields. Pure.

A header whose fields give the hash that a majority of endpoints backs is true in every field, whichever
endpoint returned it: its parent, time, bloom filter and receipts root included.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rlp import encode as rlp_encode

from cityledger.keccak import keccak

# Fields in the order in which they are hashed (execution-specs, `Header`; coreth, `HeaderSerializable`).
_FIRST = [
    "parentHash",
    "sha3Uncles",
    "miner",
    "stateRoot",
    "transactionsRoot",
    "receiptsRoot",
    "logsBloom",
    "difficulty",
    "number",
    "gasLimit",
    "gasUsed",
    "timestamp",
    "extraData",
    "mixHash",
    "nonce",
]
_LATER = {
    "ethereum": [
        "baseFeePerGas",
        "withdrawalsRoot",
        "blobGasUsed",
        "excessBlobGas",
        "parentBeaconBlockRoot",
        "requestsHash",
    ],
    "avalanche": [
        "extDataHash",
        "baseFeePerGas",
        "extDataGasUsed",
        "blockGasCost",
        "blobGasUsed",
        "excessBlobGas",
        "parentBeaconBlockRoot",
        "timestampMilliseconds",
        "minDelayExcess",
    ],
}
"""Fields that a fork added, each only with those before it. All layouts begin with ``_FIRST``, so a match in
any of them proves those fields.
"""
_QUANTITIES = frozenset(
    [
        "difficulty",
        "number",
        "gasLimit",
        "gasUsed",
        "timestamp",
        "baseFeePerGas",
        "blobGasUsed",
        "excessBlobGas",
        "extDataGasUsed",
        "blockGasCost",
        "timestampMilliseconds",
        "minDelayExcess",
    ]
)


def is_recomputed(block: Mapping[str, Any]) -> bool:
    """Whether the block's hash is the one of its header fields, in one of the layouts defined here.

    False for an altered header, and for an unaltered one of a chain that hashes other fields: one endpoint
    alone cannot show which of the two it is.
    """
    try:
        return any(header_hash(block, layout) == block["hash"].lower() for layout in _LATER)
    except (AttributeError, KeyError, TypeError, ValueError):
        return False


def header_hash(block: Mapping[str, Any], layout: str = "ethereum") -> str:
    """The 0x-hex hash of a header's fields in the layout ``ethereum`` or ``avalanche``.

    Raises:
        AttributeError, KeyError, TypeError, ValueError: a field is missing or is not hex.
    """
    present = [name for name in _LATER[layout] if block.get(name) is not None]
    return "0x" + keccak(rlp_encode([_field(name, block[name]) for name in (*_FIRST, *present)])).hex()


def _field(name: str, value: str) -> bytes:
    if name not in _QUANTITIES:
        return bytes.fromhex(value.removeprefix("0x"))
    return quantity_bytes(value)


def quantity_bytes(value: str) -> bytes:
    """A quantity as RLP encodes it.

    Raises:
        TypeError, ValueError: it is not a number from 0 up in hex.
    """
    number = int(value, 16)
    if number < 0:
        raise ValueError("a negative quantity")
    return number.to_bytes((number.bit_length() + 7) // 8, "big")

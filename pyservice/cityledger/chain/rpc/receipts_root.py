"""The root over a block's receipts, rebuilt from what an endpoint returns. Pure.

Trie and receipts as the Yellow Paper defines them (appendix D, section 4.3.1), typed receipts as EIP-2718.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rlp import encode as rlp_encode

from cityledger.chain.rpc.block_hashes import quantity_bytes
from cityledger.keccak import keccak

_Pairs = Sequence[tuple[tuple[int, ...], bytes]]
"""Nibbles of the key and the value, ascending by key."""


def receipts_root(receipts: Sequence[Mapping[str, Any]]) -> bytes:
    """The root of these receipts, in the order of their transactions. It covers success, gas and every log,
    but neither the transactions' hashes nor the logs' numbers.

    Raises:
        ValueError: a receipt is not as JSON-RPC says.
    """
    try:
        return ordered_root([_encode(receipt) for receipt in receipts])
    except (AttributeError, KeyError, TypeError) as error:
        raise ValueError(f"a receipt that is not as JSON-RPC says ({type(error).__name__})") from error


def ordered_root(values: Sequence[bytes]) -> bytes:
    """The root of the trie that holds each value under the RLP of its place."""
    pairs = sorted((_nibbles(rlp_encode(place)), value) for place, value in enumerate(values))
    return keccak(rlp_encode(_node(pairs, 0)))


def _encode(receipt: Mapping[str, Any]) -> bytes:
    outcome = (
        quantity_bytes(receipt["status"]) if receipt.get("status") is not None else _bytes(receipt["root"])
    )
    fields = [
        outcome,
        quantity_bytes(receipt["cumulativeGasUsed"]),
        _bytes(receipt["logsBloom"]),
        [
            [_bytes(log["address"]), [_bytes(one) for one in log["topics"]], _bytes(log["data"])]
            for log in receipt["logs"]
        ],
    ]
    kind = int(receipt.get("type") or "0x0", 16)
    return (bytes([kind]) if kind else b"") + bytes(rlp_encode(fields))


def _node(pairs: _Pairs, depth: int) -> Any:
    """Leaf, extension or branch of pairs that agree in their first ``depth`` nibbles."""
    if not pairs:
        return b""
    first, last = pairs[0][0], pairs[-1][0]
    if len(pairs) == 1:
        return [_packed(first[depth:], is_leaf=True), pairs[0][1]]
    shared = depth
    while first[shared] == last[shared]:
        shared += 1
    if shared > depth:
        return [_packed(first[depth:shared], is_leaf=False), _reference(_node(pairs, shared))]
    # No RLP of a number is the beginning of another, so no branch has a value of its own.
    children = [[pair for pair in pairs if pair[0][depth] == nibble] for nibble in range(16)]
    return [*(_reference(_node(child, depth + 1)) if child else b"" for child in children), b""]


def _reference(node: Any) -> Any:
    """The node itself where it is shorter than a hash."""
    encoded = rlp_encode(node)
    return node if len(encoded) < 32 else keccak(encoded)


def _packed(nibbles: tuple[int, ...], *, is_leaf: bool) -> bytes:
    """Hex-prefix encoding (Yellow Paper, appendix C)."""
    flag = 2 * is_leaf + len(nibbles) % 2
    even = (flag, *nibbles) if len(nibbles) % 2 else (flag, 0, *nibbles)
    return bytes(16 * high + low for high, low in zip(even[::2], even[1::2], strict=True))


def _nibbles(key: bytes) -> tuple[int, ...]:
    return tuple(nibble for byte in key for nibble in divmod(byte, 16))


def _bytes(value: str) -> bytes:
    return bytes.fromhex(value.removeprefix("0x"))

"""The decoder of the followed contracts' logs. Dispatch on an event's type.

An unknown event stops the reader: a decision without its effects would rest on an incomplete state.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from eth_utils.address import to_checksum_address
from eth_utils.crypto import keccak

from cityledger.chain.abi.artifacts import FOLLOWED_NAMES, entries_of_kind
from cityledger.chain.abi.codec import Entry, decode_event, signature
from cityledger.chain.contracts import READERS, Contracts, Event
from cityledger.chain.transactions import TransactionReceipt
from cityledger.errors import ChainError
from cityledger.types import Address


@dataclass(frozen=True, slots=True)
class LoggedEvent:
    """An event with its place on the chain. ``(block_number, log_index)`` orders all of them."""

    event: Event
    address: Address
    block_number: int
    block_hash: bytes
    transaction: bytes
    log_index: int


def decode_logs(logs: Sequence[Mapping[str, Any]]) -> list[LoggedEvent]:
    """Decodes raw JSON-RPC logs of our contracts, in chain order.

    Raises:
        ChainError: a log is not one of our events, or its bytes do not fit: another version of the contracts
            than this program's.
    """
    decoded = [_decode(log) for log in logs]
    return sorted(decoded, key=lambda logged: (logged.block_number, logged.log_index))


def decode_receipt(receipt: TransactionReceipt, contracts: Contracts) -> list[LoggedEvent]:
    """Our events in a receipt, without those of other contracts, such as a Safe or the AccessManager."""
    return decode_logs([log for log in receipt.logs if log["address"].lower() in contracts.followed])


@cache
def topics_by_name() -> Mapping[str, bytes]:
    """The first topic of each event's logs."""
    return {entry["name"]: topic for topic, entry in _entries().items()}


def _decode(log: Mapping[str, Any]) -> LoggedEvent:
    try:
        return _logged(log)
    except ChainError as error:
        raise ChainError(f"{error}; {_place(log)}") from error
    except (KeyError, TypeError, ValueError) as error:
        raise ChainError(
            f"a log that is not as JSON-RPC says ({type(error).__name__}); {_place(log)}"
        ) from error


def _place(log: Mapping[str, Any]) -> str:
    """The log's place, by which an operator finds it."""
    names = (("block", "blockNumber"), ("transaction", "transactionHash"), ("contract", "address"))
    return ", ".join(f"{name} {log.get(key, 'unnamed')}" for name, key in names)


def _logged(log: Mapping[str, Any]) -> LoggedEvent:
    topics = [_bytes(topic) for topic in log["topics"]]
    entry = _entries().get(topics[0]) if topics else None
    if entry is None or log.get("removed"):
        raise ChainError("unknown or removed event")
    return LoggedEvent(
        event=_read(entry, topics[1:], _bytes(log["data"])),
        address=Address(to_checksum_address(log["address"])),
        block_number=int(log["blockNumber"], 16),
        block_hash=_bytes(log["blockHash"]),
        transaction=_bytes(log["transactionHash"]),
        log_index=int(log["logIndex"], 16),
    )


def _read(entry: Entry, topics: Sequence[bytes], data: bytes) -> Event:
    values = decode_event(entry, topics, data)
    try:
        return READERS[entry["name"]](values)
    except (KeyError, ValueError) as error:  # a field that is gone, or an enum's value that is new
        raise ChainError(f"event {entry['name']} does not read as this version knows it: {error}") from error


@cache
def _entries() -> dict[bytes, Entry]:
    events = [entry for name in FOLLOWED_NAMES for entry in entries_of_kind(name, "event")]
    return {keccak(text=signature(entry)): entry for entry in events if entry["name"] in READERS}


def _bytes(value: str) -> bytes:
    return bytes.fromhex(value.removeprefix("0x"))

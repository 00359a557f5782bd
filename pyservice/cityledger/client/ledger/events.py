"""The events of ``RecordLedger`` that report the operators of a log, decoded without the contract's ABI.
Source: SPEC.md §3, "Whose receipt"."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from eth_utils.address import to_checksum_address

from cityledger.errors import ChainError
from cityledger.keccak import keccak
from cityledger.types import Address, AgencyId, LogId

LOG_OPENED = keccak(b"LogOpened(uint64,uint32,uint8,address,uint64)")
OPERATOR_SET = keccak(b"OperatorSet(uint64,address)")


@dataclass(frozen=True, slots=True)
class OperatorChange:
    """From the end of ``block`` until the next change, ``operator`` is the log's operator."""

    log: LogId
    block: int
    index: int
    operator: Address


def topics_of_log(log: LogId) -> list[object]:
    """The filter for every change of one log's operator."""
    return [[_hex(LOG_OPENED), _hex(OPERATOR_SET)], _hex(log.to_bytes(32))]


def topics_of_agency(agency: AgencyId) -> list[object]:
    """The filter for every log that an agency opened."""
    return [_hex(LOG_OPENED), None, _hex(agency.to_bytes(32))]


def changes_in(events: Iterable[Any]) -> tuple[OperatorChange, ...]:
    """The changes that the events report, in the order of the chain.

    Raises:
        ChainError: an event is not one of these two.
    """
    return tuple(sorted((_change(one) for one in events), key=lambda one: (one.block, one.index)))


def _change(event: Any) -> OperatorChange:
    try:
        data = bytes.fromhex(event["data"][2:])
        # The operator is the last word of either event's data: (kind, operator) and (operator).
        if len(data) != {_hex(LOG_OPENED): 64, _hex(OPERATOR_SET): 32}[event["topics"][0]]:
            raise ValueError
        return OperatorChange(
            log=LogId(int(event["topics"][1], 16)),
            block=int(event["blockNumber"], 16),
            index=int(event["logIndex"], 16),
            operator=Address(to_checksum_address(data[-20:])),
        )
    except (KeyError, IndexError, TypeError, ValueError):
        raise ChainError("the endpoint's events are not those of a ledger") from None


def _hex(word: bytes) -> str:
    return "0x" + word.hex()

"""Transactions as values: calls, fees, raw bytes, receipts, and what endpoints answer to a broadcast."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

from eth_account.typed_transactions.typed_transaction import TypedTransaction
from eth_utils.address import to_checksum_address
from hexbytes import HexBytes

from cityledger.chain.rpc.endpoint import from_hex
from cityledger.errors import ChainError
from cityledger.types import Address


@dataclass(frozen=True, slots=True)
class Call:
    """A transaction before it has a sender. ``to`` None creates a contract."""

    to: Address | None
    data: bytes
    what: str
    """For logs and errors, such as ``AgencyRegistry.admit``."""
    gas: int | None = None
    """Limit; None: the chain estimates it before anything is sent."""


@dataclass(frozen=True, slots=True)
class Fees:
    """EIP-1559 fees per gas, in wei."""

    max_fee: int
    max_priority_fee: int

    def raised(self) -> Fees:
        """Enough more (an eighth, rounded up) for nodes to accept a replacement with the same nonce."""
        return Fees(
            self.max_fee + self.max_fee // 8 + 1, self.max_priority_fee + self.max_priority_fee // 8 + 1
        )

    def capped(self, max_fee: int) -> Fees:
        """These, but never more than ``max_fee`` for a unit of gas."""
        return Fees(min(self.max_fee, max_fee), min(self.max_priority_fee, max_fee))

    def replacing(self, market: Fees, max_fee: int) -> Fees | None:
        """The fees of a replacement: ``raised`` at least and the present market's, at most ``max_fee``.

        None where ``raised`` is more than that: then no node would accept a replacement.
        """
        least = self.raised()
        wanted = Fees(
            max(least.max_fee, market.max_fee), max(least.max_priority_fee, market.max_priority_fee)
        ).capped(max_fee)
        enough = wanted.max_fee >= least.max_fee and wanted.max_priority_fee >= least.max_priority_fee
        return wanted if enough else None


@dataclass(frozen=True, slots=True)
class SignedTransaction:
    raw: bytes
    hash: bytes
    nonce: int


@dataclass(frozen=True, slots=True)
class SignedCall:
    """The content of raw bytes: enough to sign the same call again with other fees."""

    nonce: int
    call: Call
    fees: Fees


class Broadcast(Enum):
    """An endpoint's answer to a raw transaction. None of these shows whether it will be mined."""

    ACCEPTED = "accepted"
    ALREADY_KNOWN = "already known"
    NONCE_TOO_LOW = "nonce too low"
    """A transaction with this nonce is mined: this one, or another."""
    UNDERPRICED = "underpriced"
    """Another with this nonce is pending and pays more, or the fee is below what the node accepts."""


@dataclass(frozen=True, slots=True)
class TransactionReceipt:
    transaction: bytes
    block_number: int
    block_hash: bytes
    succeeded: bool
    gas_used: int
    contract: Address | None
    logs: tuple[dict[str, Any], ...]
    """Raw logs, as ``contracts.decoding.decode_logs`` accepts them."""


def read_signed(raw: bytes) -> SignedCall:
    """The content of raw bytes made by ``sign``.

    Raises:
        ChainError: they are not a transaction of EIP-1559.
    """
    try:
        values = TypedTransaction.from_bytes(HexBytes(raw)).as_dict()
        fees = Fees(values["maxFeePerGas"], values["maxPriorityFeePerGas"])
    except Exception as error:  # the decoders raise whatever comes, RLP's own errors among them
        raise ChainError("raw bytes that are not a transaction of type 2") from error
    to = Address(to_checksum_address(values["to"])) if values["to"] else None
    return SignedCall(values["nonce"], Call(to, bytes(values["data"]), "a signed call", values["gas"]), fees)


_MESSAGES = (
    (Broadcast.ALREADY_KNOWN, ("already known", "already imported", "alreadyknown", "known transaction")),
    (Broadcast.NONCE_TOO_LOW, ("nonce too low", "oldnonce", "nonce is too low")),
    (
        Broadcast.UNDERPRICED,
        (
            "underpriced",
            "fee too low",
            "feetoolow",
            "replacementnotallowed",
            "less than block base fee",
            "below block base fee",
            "lower than the minimum",
            "gas price below",
        ),
    ),
)


def broadcast_outcome(error: str) -> Broadcast | ChainError:
    if not error:
        return Broadcast.ACCEPTED
    lowered = error.lower()
    known = (outcome for outcome, phrases in _MESSAGES if any(phrase in lowered for phrase in phrases))
    return next(known, ChainError(f"the endpoint refused the transaction: {error}"))


def majority_outcome(outcomes: Sequence[Broadcast | ChainError]) -> Broadcast:
    """The outcome that most endpoints report; of equally frequent ones the first of the list below, since an
    endpoint that has the transaction already may have it from another.
    """
    kinds: list[list[Broadcast | ChainError]] = [
        [one for one in outcomes if one in (Broadcast.ACCEPTED, Broadcast.ALREADY_KNOWN)],
        [one for one in outcomes if one is Broadcast.NONCE_TOO_LOW],
        [one for one in outcomes if one is Broadcast.UNDERPRICED],
        [one for one in outcomes if isinstance(one, ChainError)],
    ]
    most = max(kinds, key=len)
    if isinstance(most[0], ChainError):
        raise most[0]
    return Broadcast.ACCEPTED if Broadcast.ACCEPTED in most else most[0]


def receipt_from_rpc(values: dict[str, Any]) -> TransactionReceipt:
    created = values.get("contractAddress")
    return TransactionReceipt(
        transaction=from_hex(values["transactionHash"]),
        block_number=int(values["blockNumber"], 16),
        block_hash=from_hex(values["blockHash"]),
        succeeded=int(values["status"], 16) == 1,
        gas_used=int(values["gasUsed"], 16),
        contract=Address(to_checksum_address(created)) if created else None,
        logs=tuple(values["logs"]),
    )

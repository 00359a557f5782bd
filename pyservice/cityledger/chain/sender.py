"""Signs and broadcasts transactions. The outcome of a broadcast is a value, because the anchoring loop acts
on it.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace

import rlp

from cityledger.chain.rpc.endpoint import At, Endpoint, block_parameter, call_parameters, from_hex, to_hex
from cityledger.chain.transactions import (
    Broadcast,
    Call,
    Fees,
    SignedCall,
    SignedTransaction,
    TransactionReceipt,
    broadcast_outcome,
    majority_outcome,
    read_signed,
    receipt_from_rpc,
)
from cityledger.errors import ChainError, ChainUnavailableError, RevertedError
from cityledger.keccak import keccak
from cityledger.signing import Account, as_signer
from cityledger.types import Address

_WINDOW = 256
"""Most transactions in flight at once. Development nodes stop mining when some thousands are sent without
waiting.
"""
_GWEI = 10**9
_TYPE_2 = b"\x02"


class Sender:
    """Sends through one endpoint. ``transact`` may be called from several threads; nonces are handed out one
    at a time.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        *,
        timeout_seconds: float = 120.0,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._endpoint = endpoint
        self._timeout = timeout_seconds
        self._monotonic = monotonic
        self._sleep = sleep
        self._nonces = threading.Lock()

    # --- the steps, for a caller that keeps its own journal -------------------------------------------------

    def fees(self) -> Fees:
        """Twice the next base fee plus the priority fee that the node suggests: holds for six full blocks in
        a row.
        """
        base = int(self._endpoint.head().get("baseFeePerGas", "0x0"), 16)
        tip = self._endpoint.ask("eth_maxPriorityFeePerGas")
        priority = _GWEI if tip.error else int(tip.result, 16)
        return Fees(2 * base + priority, priority)

    def nonce(self, account: Address, at: At = "latest") -> int:
        """The number of the account's transactions that are mined at the block (with "pending", waiting ones
        too).
        """
        return int(self._endpoint.request("eth_getTransactionCount", account, block_parameter(at)), 16)

    def head_number(self) -> int:
        """The newest block's."""
        return int(self._endpoint.request("eth_blockNumber"), 16)

    def gas(self, account: Address, calls: Sequence[Call]) -> list[int]:
        """A limit for each call, a quarter over what it needs at the head.

        Raises:
            RevertedError: a call would revert now; nothing was sent.
        """
        requests = [("eth_estimateGas", [call_parameters(call.to, call.data, account)]) for call in calls]
        return [int(answer, 16) * 5 // 4 for answer in self._endpoint.request_many(requests)]

    def sign(self, account: Account, nonce: int, call: Call, fees: Fees) -> SignedTransaction:
        """The raw bytes and their hash (EIP-1559). Signing the same again gives the same bytes where the
        account's key is in memory (RFC 6979); elsewhere it may give others with the same nonce.

        Raises:
            KeyUnavailableError: the source of the account's key does not answer; nothing was signed.
        """
        if call.gas is None:
            raise ChainError(f"{call.what} has no gas limit; call gas() first")
        to = from_hex(call.to) if call.to else b""
        chain_id = self._endpoint.chain_id
        fields = [chain_id, nonce, fees.max_priority_fee, fees.max_fee, call.gas, to, 0, call.data, []]
        signature = as_signer(account).sign(_TYPE_2 + rlp.encode(fields))
        r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:64], "big")
        raw = _TYPE_2 + rlp.encode([*fields, signature[64] - 27, r, s])
        return SignedTransaction(raw, keccak(raw), nonce)

    def read(self, raw: bytes) -> SignedCall:
        """The content of raw bytes made by ``sign``; raises as ``read_signed``."""
        return read_signed(raw)

    def broadcast(self, raw: bytes) -> Broadcast:
        """Sends raw bytes to every endpoint, so that no endpoint alone can withhold them, and returns the
        outcome that most report.

        Raises:
            ChainError: most refuse for a reason that sending again cannot fix, such as too little money for
                gas.
            ChainUnavailableError: no answer; the transaction may or may not have arrived.
        """
        answers = self._endpoint.ask_every("eth_sendRawTransaction", to_hex(raw))
        return majority_outcome([broadcast_outcome(answer.error) for answer in answers])

    def receipt(self, transaction: bytes) -> TransactionReceipt | None:
        """The receipt on the endpoint's present chain; None while it is not mined (or orphaned)."""
        receipt = self._endpoint.request("eth_getTransactionReceipt", to_hex(transaction))
        return None if receipt is None else receipt_from_rpc(receipt)

    # --- all steps, for a caller that waits -----------------------------------------------------------------

    def transact(self, account: Account, call: Call) -> TransactionReceipt:
        """Signs, sends and waits until it is mined.

        Raises:
            RevertedError: it would revert (then nothing was sent), or was mined and reverted.
            ChainUnavailableError: not mined in time; it may still be.
        """
        return self.transact_many(account, [call])[0]

    def transact_many(self, account: Account, calls: Sequence[Call]) -> list[TransactionReceipt]:
        """Sends all with ascending nonces before waiting, so that they share blocks. A call that depends on
        an earlier one of the same list must carry its own gas limit.

        Raises:
            RevertedError: one would revert (then nothing was sent), or was mined and reverted (the others may
                have succeeded).
        """
        sender = Address(account.address)
        limited = self._with_gas(sender, calls)
        receipts: list[TransactionReceipt] = []
        for start in range(0, len(limited), _WINDOW):
            window = limited[start : start + _WINDOW]
            with self._nonces:
                signed = self._sign_window(account, window)
                for one in signed:
                    self._broadcast_ours(one)
            receipts += self.wait(signed)
            for call, receipt in zip(window, receipts[start:], strict=True):
                self.verify_succeeded(sender, call, receipt)
        return receipts

    def wait(self, signed: Sequence[SignedTransaction]) -> list[TransactionReceipt]:
        """Waits until each is mined.

        Raises:
            ChainUnavailableError: one is not mined in time; it may still be.
        """
        found: dict[bytes, TransactionReceipt] = {}
        deadline = self._monotonic() + self._timeout
        pause = 0.01
        while True:
            missing = [one.hash for one in signed if one.hash not in found]
            requests = [("eth_getTransactionReceipt", [to_hex(transaction)]) for transaction in missing]
            answers = self._endpoint.request_many(requests)
            found |= {
                key: receipt_from_rpc(receipt)
                for key, receipt in zip(missing, answers, strict=True)
                if receipt is not None
            }
            if len(found) == len({one.hash for one in signed}):
                return [found[one.hash] for one in signed]
            if self._monotonic() > deadline:
                raise ChainUnavailableError(
                    f"{len(signed) - len(found)} transactions not mined in {self._timeout:.0f} s"
                )
            self._sleep(pause)
            pause = min(pause * 1.5, 0.25)

    def wait_any(self, candidates: Callable[[], Sequence[bytes]]) -> TransactionReceipt:
        """Waits until one of the transactions is mined: all have one nonce, so only one can be.
        ``candidates`` is called each time, because a replacement may have been signed since.

        Raises:
            ChainUnavailableError: none is mined in time; one may still be.
        """
        deadline = self._monotonic() + self._timeout
        pause = 0.01
        while True:
            requests = [("eth_getTransactionReceipt", [to_hex(one)]) for one in candidates()]
            mined = [receipt for receipt in self._endpoint.request_many(requests) if receipt is not None]
            if mined:
                return receipt_from_rpc(mined[0])
            if self._monotonic() > deadline:
                raise ChainUnavailableError(f"the transaction is not mined in {self._timeout:.0f} s")
            self._sleep(pause)
            pause = min(pause * 1.5, 0.25)

    def verify_succeeded(self, sender: Address, call: Call, receipt: TransactionReceipt) -> None:
        """Raises the reason when a mined call reverted, found by repeating it at the blocks around it."""
        if receipt.succeeded:
            return
        for at in (receipt.block_number, receipt.block_number - 1):
            self._replay(sender, call, at)
        raise RevertedError(
            "WithoutReason", {"call": call.what, "gasUsed": receipt.gas_used, "gasLimit": call.gas}
        )

    def _replay(self, sender: Address, call: Call, block: int) -> None:
        parameters = call_parameters(call.to, call.data, sender)
        answer = self._endpoint.ask("eth_call", parameters, hex(block))
        if answer.reverted:
            raise answer.revert()

    def _with_gas(self, sender: Address, calls: Sequence[Call]) -> list[Call]:
        unlimited = [call for call in calls if call.gas is None]
        limits = iter(self.gas(sender, unlimited))
        return [replace(call, gas=next(limits)) if call.gas is None else call for call in calls]

    def _sign_window(self, account: Account, calls: Sequence[Call]) -> list[SignedTransaction]:
        first, fees = self.nonce(Address(account.address), "pending"), self.fees()
        return [self.sign(account, first + index, call, fees) for index, call in enumerate(calls)]

    def _broadcast_ours(self, signed: SignedTransaction) -> None:
        outcome = self.broadcast(signed.raw)
        if outcome in (Broadcast.ACCEPTED, Broadcast.ALREADY_KNOWN):
            return
        # Too low is a success if this very transaction was mined since.
        if outcome is Broadcast.NONCE_TOO_LOW and self.receipt(signed.hash) is not None:
            return
        raise ChainError(
            f"nonce {signed.nonce} is used already ({outcome.value}): "
            "another program sends from this account at the same time"
        )

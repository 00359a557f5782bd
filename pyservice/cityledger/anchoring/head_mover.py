"""Moves records' heads on chain, with the account that anchors: the contract accepts them from no other."""

from __future__ import annotations

import time
from collections.abc import Callable

from cityledger.anchoring.operator_account import OperatorAccount
from cityledger.chain.contracts.record_ledger import Inclusion, RecordLedger
from cityledger.chain.sender import Sender
from cityledger.chain.transactions import Call, TransactionReceipt
from cityledger.errors import ChainUnavailableError, RevertedError
from cityledger.proofs.leaves import RecordLeaf
from cityledger.store.anchoring.attempts import Attempt
from cityledger.types import LeafHash

TURN_WAIT_SECONDS = 30.0
INDEX_WAIT_SECONDS = 5.0
_PAUSE_SECONDS = 0.05


class ChainHeadMover:
    """The exchange's ``HeadMover``. ``indexed_block`` is the newest block in this node's index."""

    def __init__(
        self,
        account: OperatorAccount,
        sender: Sender,
        ledger: RecordLedger,
        indexed_block: Callable[[], int],
        *,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._account = account
        self._sender = sender
        self._ledger = ledger
        self._indexed_block = indexed_block
        self._monotonic = monotonic
        self._sleep = sleep

    def move(self, leaf: RecordLeaf, inclusion: Inclusion, expected: LeafHash | None) -> TransactionReceipt:
        call = self._ledger.move_head(leaf, inclusion, expected)
        try:
            receipt = self._send_and_wait(call)
        except RevertedError:
            # The other move of the head is in a block that the index may not have reached yet.
            self._wait_until_indexed(self._sender.head_number())
            raise
        self._wait_until_indexed(receipt.block_number)
        return receipt

    def _send_and_wait(self, call: Call) -> TransactionReceipt:
        attempt = self._send_in_turn(call)
        receipt = self._sender.wait_any(lambda: self._account.hashes_of(attempt.nonce))
        self._sender.verify_succeeded(self._account.address, call, receipt)
        return receipt

    def _send_in_turn(self, call: Call) -> Attempt:
        sent: list[Attempt] = []

        def take() -> bool:
            position = self._account.find_position()
            if position is None or not position.is_free:
                return False
            attempt = self._account.sign(position, call, [])
            if attempt is None:
                return False
            sent.append(attempt)
            self._account.broadcast(attempt)
            return True

        if not self._account.await_turn(take, TURN_WAIT_SECONDS):
            raise ChainUnavailableError("the node's account has transactions that are not mined; ask again")
        return sent[0]

    def _wait_until_indexed(self, block: int) -> None:
        """Waits so that the caller finds the new head in the history. The move is mined in any case."""
        deadline = self._monotonic() + INDEX_WAIT_SECONDS
        while self._indexed_block() < block and self._monotonic() < deadline:
            self._sleep(_PAUSE_SECONDS)

"""Checks that only transactions of this database used the nonces of the operator's account."""

from __future__ import annotations

from cityledger.anchoring.halts import Halt
from cityledger.chain.sender import Sender
from cityledger.store.anchoring import attempts
from cityledger.store.engine.database import Database
from cityledger.types import Address, BlockRef, HaltCause

_LOOK_BACK = 16
"""Mined nonces that are checked after a start; the previous process checked those before."""
_STRIKES = 3
"""A nonce must be wrong, or a transaction missing, at this many blocks in a row before it counts: an endpoint
may return one wrong answer, be late with a block, or be on another fork than the index, and more than one
request is sent each block.
"""


class NonceWatch:
    """Follows the account's mined nonces, with one request to the endpoint for each."""

    def __init__(self, database: Database, sender: Sender, account: Address) -> None:
        self._database = database
        self._sender = sender
        self._account = account
        self._seen_to: int | None = None
        self._struck_at: set[BlockRef] = set()

    def check(self, first: int, signed_end: int, mined: int, cursor: BlockRef) -> tuple[bool, Halt | None]:
        """(whether this database signed each nonce from ``first`` up to ``mined``, those that are mined at
        ``cursor``; the halt if not). ``signed_end`` is the nonce above those that this database signed.
        """
        if mined > signed_end:
            message = f"{self._account} has used {mined} nonces, this database knows of {signed_end}"
            return False, self._struck(cursor, message)
        start = mined - _LOOK_BACK if self._seen_to is None else min(self._seen_to, mined)
        for nonce in range(max(first, start), mined):
            if not self._is_ours(nonce):
                message = f"nonce {nonce} of {self._account} was used by a transaction"
                return False, self._struck(cursor, f"{message} that this database did not sign")
            self._seen_to = nonce + 1
        self._seen_to = mined
        self._struck_at.clear()
        return True, None

    def _is_ours(self, nonce: int) -> bool:
        with self._database.reading() as connection:
            hashes = attempts.list_hashes(connection, self._account, nonce)
        return any(self._sender.receipt(one) is not None for one in hashes)

    def _struck(self, cursor: BlockRef, message: str) -> Halt | None:
        self._struck_at.add(cursor)
        if len(self._struck_at) < _STRIKES:
            return None
        return Halt(HaltCause.ACCOUNT_USED_ELSEWHERE, message)

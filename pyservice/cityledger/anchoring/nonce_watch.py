"""Whether the nonces of the operator's account were used by transactions of this database, and no others."""

from __future__ import annotations

from cityledger.anchoring.halts import Halt
from cityledger.chain.sender import Sender
from cityledger.store import attempts
from cityledger.store.database import Database
from cityledger.types import Address, HaltCause

_LOOK_BACK = 16
"""Mined nonces that are looked at after a start; those before were looked at by the process before."""
_STRIKES = 3
"""So often must a transaction be missing before it counts: an endpoint may be slow to tell of a block."""


class NonceWatch:
    """Follows the account's mined nonces. Asks the endpoint once for each."""

    def __init__(self, database: Database, sender: Sender, account: Address) -> None:
        self._database = database
        self._sender = sender
        self._account = account
        self._seen_to: int | None = None
        self._strikes = 0

    def look(self, first: int, mined: int) -> tuple[bool, Halt | None]:
        """(whether each nonce from ``first`` up to ``mined`` is known to be ours, why to halt if not)."""
        start = mined - _LOOK_BACK if self._seen_to is None else min(self._seen_to, mined)
        for nonce in range(max(first, start), mined):
            if not self._is_ours(nonce):
                self._strikes += 1
                return False, self._halt(nonce) if self._strikes >= _STRIKES else None
            self._seen_to = nonce + 1
        self._seen_to, self._strikes = mined, 0
        return True, None

    def _is_ours(self, nonce: int) -> bool:
        with self._database.reading() as connection:
            hashes = attempts.list_hashes(connection, self._account, nonce)
        return any(self._sender.receipt(one) is not None for one in hashes)

    def _halt(self, nonce: int) -> Halt:
        told = f"nonce {nonce} of {self._account} was used by a transaction that this database did not sign"
        return Halt(HaltCause.ACCOUNT_USED_ELSEWHERE, told)

"""Gives an agency another vault key while its node serves. Source: SPEC.md §5, "Rotation of the vault key".

::

    added ──▶ in use ──▶ every data key is wrapped again ──▶ the former keys are dropped

Each step is durable before the next and may be repeated; what is done is read from keyring and rows, so that
a rotation that was cut off resumes where it was.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from cityledger.errors import VerificationError
from cityledger.exchange.imports.spool import spool_context
from cityledger.sealing.agency_keys import AgencyKeys, Random
from cityledger.sealing.context import Context
from cityledger.sealing.keyring import Keyring
from cityledger.sealing.wrap import NONCE_BYTES, unwrap, wrap
from cityledger.store.engine import purging
from cityledger.store.engine.database import Database
from cityledger.store.records import wrapped_keys
from cityledger.store.records.vault_floors import raise_floor
from cityledger.store.records.wrapped_keys import WrappedFile, WrappedVersion
from cityledger.types import AgencyId

PAGE = 500
"""Data keys in one transaction, for which a node's own writes wait."""


@dataclass(frozen=True, slots=True)
class VaultRotation:
    """The rotation of one agency's vault key. One process runs it: hold ``changing_keys``."""

    database: Database
    keyring: Keyring
    instance: bytes
    random: Random
    agency: AgencyId

    def add_key(self) -> int:
        """The epoch to rotate to: that of a rotation which was cut off, or of a fresh key. Nothing uses it
        yet, so that other processes can be given it first.

        Raises:
            KeyringError, KeyUnavailableError: the key cannot be made or stored.
        """
        keys = self._keys
        if len(keys.vault_keys) > 1:
            return max(keys.vault_keys)
        return self.keyring.add_vault_key(self.agency, random=self.random).epoch

    def use_key(self, epoch: int, now: int) -> None:
        """From now on nothing is written under a former key. Concurrent writes are wrapped again."""
        with self.database.writing() as connection:
            raise_floor(connection, self.agency, epoch, now)
        self.keyring.use_vault_key(self.agency, epoch, random=self.random)

    def count(self, epoch: int) -> int:
        """Data keys that are still to be wrapped again."""
        with self.database.reading() as connection:
            return wrapped_keys.count_below(connection, self.agency, epoch)

    def wrap_again(self, epoch: int, on_progress: Callable[[int], None] = lambda _count: None) -> None:
        """Wraps every data key again, in bounded transactions; ``on_progress`` gets the size of each.

        Raises:
            SealingError: a stored data key does not open; `cityledger node scrub` names it.
        """
        after = (0, -1)
        while page := self._versions(epoch, after):
            pairs = [(one, self._wrapped_again(one.wrapped, self._context(one))) for one in page]
            with self.database.writing() as connection:
                wrapped_keys.replace_versions(connection, pairs)
            after = (page[-1].log, page[-1].seq)
            on_progress(len(page))
        on_progress(self._wrap_files_again(epoch))

    def drop_former(self, epoch: int, now: int) -> list[int]:
        """Marks the database (``now``, Unix seconds) so that data keys wrapped under former keys leave its
        files, then drops those keys; returns the dropped epochs. Hold ``dropping_keys``.

        Raises:
            VerificationError: a data key still needs one of them. Nothing was dropped.
        """
        needed = self.count(epoch)
        if needed:
            raise VerificationError(f"{needed} data keys still need a former vault key; nothing was dropped")
        # Before the drop: a run that was killed after it would find nothing left to rotate, and not mark.
        with self.database.writing() as connection:
            purging.mark(connection, now)
        former = sorted(one for one in self._keys.vault_keys if one < epoch)
        for one in former:
            self.keyring.drop_vault_key(self.agency, one, random=self.random)
        return former

    @property
    def _keys(self) -> AgencyKeys:
        return self.keyring.agency(self.agency)

    def _versions(self, epoch: int, after: tuple[int, int]) -> list[WrappedVersion]:
        with self.database.reading() as connection:
            return wrapped_keys.list_versions_below(connection, self.agency, epoch, after, PAGE)

    def _wrap_files_again(self, epoch: int) -> int:
        with self.database.reading() as connection:
            files = wrapped_keys.list_files_below(connection, self.agency, epoch)
        pairs = [(one, self._wrapped_again(one.spooled.wrapped, self._file_context(one))) for one in files]
        with self.database.writing() as connection:
            wrapped_keys.replace_files(connection, pairs)
        return len(pairs)

    def _wrapped_again(self, wrapped: bytes, context: Context) -> bytes:
        keys = self._keys
        data_key = unwrap(wrapped, keys.vault_keys, context)
        return wrap(data_key, keys.vault_key, context, self.random(NONCE_BYTES))

    def _context(self, one: WrappedVersion) -> Context:
        return Context(self.instance, one.dataset, one.record, one.version)

    def _file_context(self, one: WrappedFile) -> Context:
        return spool_context(self.instance, one.dataset, one.spooled.object)

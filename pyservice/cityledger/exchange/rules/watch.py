"""Refuses to decide where the directory names a policy contract whose rules this node does not know.

The council replaces the policy through the directory. A node that continued by its own rules would release
what the new ones forbid, and name the new contract as the one that decided.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from cityledger.errors import CityledgerError, OtherRulesError
from cityledger.store.engine.database import Database
from cityledger.store.index import queries as index
from cityledger.store.index.queries import DirectoryEntry
from cityledger.types import Address, BlockRef

log = logging.getLogger(__name__)
_CHECK_SECONDS = 1.0

Compare = Callable[[Mapping[str, Address], BlockRef], str | None]
"""``compare(directory's entries, block)`` → the reason why they are not this node's rules; None where they
are. Raises where the chain does not answer.
"""
Entries = Mapping[str, DirectoryEntry]


@dataclass(frozen=True, slots=True)
class _Compared:
    entries: Entries
    complaint: str | None


class RulesWatch:
    """Remembers for which entries of the directory the code was compared; any other entries are refused until
    they are.
    """

    def __init__(self, database: Database, compare: Compare) -> None:
        self._database = database
        self._compare = compare
        self._compared: _Compared | None = None
        self._requested = threading.Event()

    def verify_own(self) -> None:
        """As ``verify_own_within``, for the index's present entries."""
        with self._database.reading() as connection:
            self.verify_own_within(index.list_contracts(connection))

    def verify_own_within(self, entries: Entries) -> None:
        """Refuses unless these entries were found to be of this node's rules. Makes no request to the chain.

        Raises:
            OtherRulesError: they are not, or were not compared yet.
        """
        compared = self._compared
        if compared is None or compared.entries != entries:
            self._requested.set()
            raise OtherRulesError(
                "the code of the policy contract has not been compared with this node's rules yet"
            )
        if compared.complaint is not None:
            raise OtherRulesError(compared.complaint)

    def check(self) -> None:
        """Compares where the entries have changed; while that fails, decisions stay refused."""
        self._requested.clear()
        with self._database.reading() as connection:
            block, entries = index.find_cursor(connection), index.list_contracts(connection)
        compared = self._compared
        if block is None or not entries or (compared is not None and compared.entries == entries):
            return
        addresses = {name: entry.target for name, entry in entries.items()}
        complaint = self._compare(addresses, block)
        if complaint is not None:
            log.critical("decisions stopped reason=%s", complaint)
        self._compared = _Compared(entries, complaint)

    @property
    def complaint(self) -> str | None:
        """The reason why the entries that were compared last are not of this node's rules; None where they
        are."""
        return None if self._compared is None else self._compared.complaint

    def look(self) -> None:
        """As ``check``, but a failure is logged and not raised."""
        try:
            self.check()
        except CityledgerError as error:
            log.warning("policy's code not compared error=%s", type(error).__name__)
        except Exception as error:
            log.error("policy's code not compared error=%s", type(error).__name__)

    def run(self, stop: threading.Event) -> None:
        """Compares repeatedly until ``stop`` is set."""
        while not stop.is_set():
            self.look()
            self._wait(stop)

    def _wait(self, stop: threading.Event) -> None:
        if self._requested.wait(_CHECK_SECONDS):
            stop.wait(0.05)  # else an endpoint that does not answer would get requests without a pause

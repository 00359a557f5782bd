"""The services that the exchange uses, wired once at start by ``node/wiring.py``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from cityledger.chain.clock import ChainClock
from cityledger.errors import KeyUnavailableError, MisdirectedError
from cityledger.exchange.alterations import Alterations
from cityledger.exchange.instruments import Instruments
from cityledger.exchange.rules.crosscheck import CrossCheck
from cityledger.exchange.rules.watch import RulesWatch
from cityledger.exchange.subtree_cache import SubtreeCache
from cityledger.exchange.turns import Turns
from cityledger.proofs.leaves import ReceiptDomain
from cityledger.sealing.agency_keys import AgencyKeys
from cityledger.sealing.context import Context
from cityledger.sealing.keyring import Keyring
from cityledger.sealing.wrap import NONCE_BYTES, unwrap, wrap, wrapped_epoch
from cityledger.signing import Account
from cityledger.store.engine.database import Database
from cityledger.store.engine.journal import Journal
from cityledger.store.objects import Objects
from cityledger.store.records.vault_floors import find_floor
from cityledger.types import Address, AgencyId


@dataclass(frozen=True, slots=True)
class Services:
    """``operator`` signs receipts and must be the operator of this node's logs; ``random_bytes`` is a
    CSPRNG.
    """

    database: Database
    journal: Journal
    objects: Objects
    keyring: Keyring
    clock: ChainClock
    cross_check: CrossCheck
    rules_watch: RulesWatch
    instance: bytes
    domain: ReceiptDomain
    operator: Account
    random_bytes: Callable[[int], bytes]
    staleness_limit_seconds: int
    backup_horizon_seconds: int
    subtree_cache: SubtreeCache = field(default_factory=SubtreeCache)
    instruments: Instruments = field(default_factory=Instruments)
    turns: Turns = field(default_factory=Turns)
    alterations: Alterations = field(default_factory=Alterations)

    def verify_hosted(self, agency: AgencyId) -> None:
        """Refuses what concerns the logs, keys and records of an agency of another node.

        Raises:
            MisdirectedError: this node has no keys of the agency.
        """
        if agency not in self.keyring.agencies():
            raise MisdirectedError(f"agency {agency} is not hosted by this node; ask its own endpoint")

    def own_accounts(self) -> list[Address]:
        """The operator's account, then those that operated this node before: the keyring remembers them."""
        operator = Address(self.operator.address)
        return [operator, *(account for account in self.keyring.own_accounts() if account != operator)]

    def keys_of(self, agency: AgencyId) -> AgencyKeys:
        """The keys of an agency that this node hosts.

        Raises:
            MisdirectedError: it hosts others only.
        """
        self.verify_hosted(agency)
        return self.keyring.agency(agency)

    def wrap(self, agency: AgencyId, data_key: bytes, context: Context) -> bytes:
        """The data key under the agency's current vault key.

        Raises: as ``keys_of``.
        """
        return wrap(data_key, self.keys_of(agency).vault_key, context, self.random_bytes(NONCE_BYTES))

    def unwrap(self, agency: AgencyId, wrapped: bytes, context: Context) -> bytes:
        """The data key inside ``wrapped``.

        Raises: as ``keys_of``, and
            SealingError: altered, or another record's or version's.
            KeyUnavailableError: it was wrapped under another vault key since it was read, or this process
                lacks the new one.
        """
        keys, epoch = self.keys_of(agency), wrapped_epoch(wrapped)
        if epoch not in keys.vault_keys and 0 < epoch <= keys.next_vault_epoch:
            raise KeyUnavailableError(
                f"the vault key of epoch {epoch} is not in the keyring of this process: it was rotated; try"
                " again, and copy the keyring if other processes serve this database"
            )
        return unwrap(wrapped, keys.vault_keys, context)

    def follow_rotation(self, agency: AgencyId) -> None:
        """Wraps under the vault key that a rotation has begun to use.

        Raises:
            KeyUnavailableError: this process lacks it.
        """
        with self.database.reading() as connection:
            floor = find_floor(connection, agency)
        self.keyring.follow_vault_epoch(agency, floor)

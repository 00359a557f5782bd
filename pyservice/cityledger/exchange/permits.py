"""Permits: a write is decided on arrival, which gives its permit, and again in the transaction that writes.

No function that writes accepts anything but a permit, so none can write without a decision. The
second decision counts: a grant, a role or an agency may be revoked while a long body is received and sealed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import sqlalchemy as sa

from cityledger.errors import DeniedError, NotFoundError
from cityledger.exchange.access import Access, Target
from cityledger.exchange.decisions import Ruling, refuse, rule, rule_within
from cityledger.exchange.receipts import append_receipts, count_decision, make_receipts, store_receipts
from cityledger.exchange.services import Services
from cityledger.store.index.queries import Dataset
from cityledger.types import Action

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Permit:
    """An access that the rules permitted on arrival, with that ruling. ``request_permit`` makes it."""

    access: Access
    ruling: Ruling

    def __post_init__(self) -> None:
        """
        Raises:
            ValueError: the ruling denies, or is about another access.
        """
        query, intent, target = self.ruling.answers[0].query, self.access.intent, self.access.target
        decided = (query.consumer, query.action, query.purpose, query.dataset, query.record)
        requested = (self.access.session.agency, intent.action, intent.purpose, target.dataset, target.record)
        if not self.ruling.permit or decided != requested:
            raise ValueError("a permit needs a ruling that permits this very access")

    @property
    def target(self) -> Target:
        return self.access.target

    @property
    def dataset(self) -> Dataset:
        return self.ruling.dataset

    def verify_action(self, action: Action) -> None:
        """Refuses to use the permit of one action for another.

        Raises:
            ValueError: it was given for another action.
        """
        if self.access.intent.action != action:
            raise ValueError(f"a permit for {self.access.intent.action.name} does not permit {action.name}")


@dataclass(frozen=True, slots=True)
class _Denied:
    ruling: Ruling


def request_permit(services: Services, access: Access) -> Permit:
    """Decides on arrival of the request.

    Raises:
        DeniedError, NotFoundError: the rules deny; the receipt of the denial is durable.
        StaleIndexError, OtherRulesError, UnavailableError, MisdirectedError, StorageFullError: as ``rule``
            and ``store_receipts``; nothing was decided, or no receipt could be stored.
    """
    ruling = rule(services, access)
    if not ruling.permit:
        raise record_denial(services, access, ruling)
    return Permit(access, ruling)


def record_denial(services: Services, access: Access, ruling: Ruling) -> DeniedError | NotFoundError:
    """The answer to a denial, once its receipt is durable.

    Raises: as ``store_receipts``.
    """
    store_receipts(services, ruling, make_receipts(services, access, ruling, None))
    return refuse(ruling)


def write_permitted(services: Services, permit: Permit, work: Callable[[sa.Connection, Ruling], T]) -> T:
    """Decides again inside a transaction and runs ``work`` in that transaction if the rules still permit.

    A denial writes its receipts there instead, and nothing else. A crash before the commit leaves neither
    receipt nor write; after the commit one of the two is durable, whatever the caller was answered.

    Raises:
        DeniedError, NotFoundError: the rules deny by now; the receipt is durable, and ``work`` did not run.
        Exception: as ``rule_within``, ``Journal.run`` and ``work``; nothing was written.
    """

    def transaction(connection: sa.Connection) -> T | _Denied:
        ruling = rule_within(connection, services, permit.access)
        if ruling.permit:
            return work(connection, ruling)
        append_receipts(connection, services, ruling, make_receipts(services, permit.access, ruling, None))
        return _Denied(ruling)

    written = services.journal.run(transaction)
    if isinstance(written, _Denied):
        count_decision(services, written.ruling)
        raise refuse(written.ruling)
    return written

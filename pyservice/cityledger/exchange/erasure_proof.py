"""The inclusion of a tombstone, for the agency whose record was erased."""

from __future__ import annotations

from cityledger.errors import NotFoundError
from cityledger.exchange.access import Access
from cityledger.exchange.alterations import reporting_alterations
from cityledger.exchange.gate import Passed, pass_gate
from cityledger.exchange.lookup import Inclusion, include
from cityledger.exchange.services import Services
from cityledger.store.tombstones import find_tombstone_of


def prove_erasure(services: Services, access: Access) -> tuple[Passed, Inclusion]:
    """The inclusion of the tombstone of one version, by default the newest, under its anchored root.

    Raises: as ``pass_gate``, and
        NotFoundError: the version is not erased, its tombstone was numbered by a store that is lost, or the
            caller is not the provider: erasures are not disclosed to others.
        NotAnchoredError: the tombstone is durable but not mined yet.
    """
    passed = pass_gate(services, access)
    version = passed.ruling.version
    if version is None or access.session.agency != passed.ruling.dataset.provider:
        raise NotFoundError("record")
    with services.database.reading() as connection:
        tombstone = find_tombstone_of(connection, services.instance, version)
        if tombstone is None:
            raise NotFoundError("tombstone")
        with reporting_alterations(services.alterations, tombstone.log, tombstone.seq):
            return passed, include(connection, tombstone, services.subtree_cache)

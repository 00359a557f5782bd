"""One module a contract, with its calls, structs and events. Reads take the block to read at; writes return a
``Call`` for a ``Sender``.

A new contract is a module here, a module in ``indexer/effects``, and its registration below.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from cityledger.chain.abi.artifacts import FOLLOWED_NAMES
from cityledger.chain.abi.codec import Named
from cityledger.chain.contracts import (
    access_manager,
    agency_registry,
    city_directory,
    data_catalog,
    record_ledger,
)
from cityledger.chain.contracts.access_manager import AccessManager, AuthorityEvent
from cityledger.chain.contracts.access_policy import AccessPolicy
from cityledger.chain.contracts.agency_registry import AgencyRegistry, AgencyRegistryEvent
from cityledger.chain.contracts.city_directory import CityDirectory, CityDirectoryEvent
from cityledger.chain.contracts.data_catalog import DataCatalog, DataCatalogEvent
from cityledger.chain.contracts.record_ledger import RecordLedger, RecordLedgerEvent
from cityledger.chain.manifest import Manifest
from cityledger.chain.rpc.endpoint import Endpoint

Event = AuthorityEvent | CityDirectoryEvent | AgencyRegistryEvent | DataCatalogEvent | RecordLedgerEvent

READERS: Mapping[str, Callable[[Named], Event]] = {
    **access_manager.READERS,
    **city_directory.READERS,
    **agency_registry.READERS,
    **data_catalog.READERS,
    **record_ledger.READERS,
}
"""One reader for each event of each followed contract; a test compares this with the artifacts."""


@dataclass(frozen=True, slots=True)
class Contracts:
    """All contracts of one deployment."""

    manager: AccessManager
    directory: CityDirectory
    agencies: AgencyRegistry
    catalog: DataCatalog
    ledger: RecordLedger
    policy: AccessPolicy
    followed: frozenset[str]
    """Addresses whose events are ours, lower case."""


def contracts_of(endpoint: Endpoint, manifest: Manifest) -> Contracts:
    """The wrappers at the manifest's addresses. Sends no request to the chain."""
    return Contracts(
        manager=AccessManager(endpoint, manifest.address("AccessManager")),
        directory=CityDirectory(endpoint, manifest.address("CityDirectory")),
        agencies=AgencyRegistry(endpoint, manifest.address("AgencyRegistry")),
        catalog=DataCatalog(endpoint, manifest.address("DataCatalog")),
        ledger=RecordLedger(endpoint, manifest.address("RecordLedger")),
        policy=AccessPolicy(endpoint, manifest.address("AccessPolicy")),
        followed=frozenset(manifest.address(name).lower() for name in FOLLOWED_NAMES),
    )

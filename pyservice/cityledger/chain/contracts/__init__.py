"""One wrapper for each contract. Reads take the block to read at; writes give a ``Call`` for a ``Sender``."""

from __future__ import annotations

from dataclasses import dataclass

from cityledger.chain.abi.artifacts import FOLLOWED_NAMES
from cityledger.chain.contracts.access_manager import AccessManager
from cityledger.chain.contracts.access_policy import AccessPolicy
from cityledger.chain.contracts.agency_registry import AgencyRegistry
from cityledger.chain.contracts.city_directory import CityDirectory
from cityledger.chain.contracts.data_catalog import DataCatalog
from cityledger.chain.contracts.decoding import LoggedEvent, decode_logs
from cityledger.chain.contracts.record_ledger import RecordLedger
from cityledger.chain.manifest import Manifest
from cityledger.chain.rpc.endpoint import Endpoint
from cityledger.chain.sender import Receipt


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

    def events_of(self, receipt: Receipt) -> list[LoggedEvent]:
        """Our events in a receipt; those of other contracts, such as a Safe or the AccessManager, are left
        out.
        """
        return decode_logs([log for log in receipt.logs if log["address"].lower() in self.followed])


def contracts_of(endpoint: Endpoint, manifest: Manifest) -> Contracts:
    """The wrappers at the manifest's addresses. Asks the chain nothing."""
    return Contracts(
        manager=AccessManager(endpoint, manifest.address("AccessManager")),
        directory=CityDirectory(endpoint, manifest.address("CityDirectory")),
        agencies=AgencyRegistry(endpoint, manifest.address("AgencyRegistry")),
        catalog=DataCatalog(endpoint, manifest.address("DataCatalog")),
        ledger=RecordLedger(endpoint, manifest.address("RecordLedger")),
        policy=AccessPolicy(endpoint, manifest.address("AccessPolicy")),
        followed=frozenset(manifest.address(name).lower() for name in FOLLOWED_NAMES),
    )

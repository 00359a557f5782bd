"""A deployed city for integration tests: contracts on a devnet, and the few moves that bring it to life."""

from __future__ import annotations

import dataclasses
import functools
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from cityledger.chain.contracts import Contracts, contracts_of
from cityledger.chain.contracts.agency_registry import Admission, AgencyAdmitted
from cityledger.chain.contracts.data_catalog import DatasetPublished, Publication
from cityledger.chain.contracts.decoding import decode_receipt
from cityledger.chain.contracts.record_ledger import LogOpened
from cityledger.chain.deploy.deployment import Plan, deploy
from cityledger.chain.manifest import Manifest
from cityledger.chain.rpc.endpoint import Endpoint
from cityledger.chain.sender import Sender
from cityledger.chain.transactions import Call, TransactionReceipt
from cityledger.devnet import Devnet, devnet_account
from cityledger.types import (
    NO_END,
    ZERO32,
    Address,
    AgencyId,
    DatasetId,
    LogId,
    LogKind,
    Openness,
    Purpose,
    Role,
    SharingClass,
    Terms,
)

E = TypeVar("E")
account = functools.cache(devnet_account)
DEPLOYER, COUNCIL, GUARD = 0, 1, 2


@dataclass(frozen=True, slots=True)
class DeployedCity:
    devnet: Devnet
    endpoint: Endpoint
    manifest: Manifest
    manifest_path: Path
    contracts: Contracts
    sender: Sender

    def send(self, index: int, call: Call) -> TransactionReceipt:
        """Sends as the devnet account of that index."""
        return self.sender.transact(account(index), call)

    def admit(self, code: str, index: int, **changed: object) -> AgencyId:
        """Admits an agency whose account is the devnet account of that index."""
        admission = Admission(code, code.title(), "", "http://localhost:1", address(index), ZERO32, ZERO32)
        admission = dataclasses.replace(admission, **changed)  # type: ignore[arg-type]
        receipt = self.send(COUNCIL, self.contracts.agencies.admit(admission))
        return self._first(receipt, AgencyAdmitted).agency

    def appoint(self, agency: AgencyId, index: int, officer: int, role: Role = Role.STEWARD) -> None:
        self.send(index, self.contracts.agencies.appoint(agency, address(officer), role, NO_END))

    def publish(self, provider: AgencyId, steward: int, **changed: object) -> DatasetId:
        publication = Publication(
            provider=provider,
            path="health/visits/records",
            title="Visits",
            local_title="",
            profile="medical",
            parts=("summary", "detail"),
            schema_digest=b"\x01" * 32,
            retention_seconds=NO_END,
            dispute_period_seconds=0,
            terms=terms(),
        )
        publication = dataclasses.replace(publication, **changed)  # type: ignore[arg-type]
        receipt = self.send(steward, self.contracts.catalog.publish(publication))
        return self._first(receipt, DatasetPublished).dataset

    def open_log(self, agency: AgencyId, index: int, kind: LogKind, operator: int) -> LogId:
        receipt = self.send(index, self.contracts.ledger.open_log(agency, kind, address(operator)))
        return self._first(receipt, LogOpened).log

    def _first(self, receipt: TransactionReceipt, kind: type[E]) -> E:
        events = [logged.event for logged in decode_receipt(receipt, self.contracts)]
        return next(event for event in events if isinstance(event, kind))


def address(index: int) -> Address:
    return Address(account(index).address)


def terms(sharing_class: SharingClass = SharingClass.CONDITIONAL, *purposes: Purpose) -> Terms:
    return Terms(sharing_class, Openness.CLOSED, False, False, tuple(sorted(purposes)))


def deploy_city(devnet: Devnet, path: Path) -> DeployedCity:
    """A new deployment on the devnet, without delays; its manifest is written to ``path``."""
    endpoint = devnet.connect()
    manifest = deploy(endpoint, account(DEPLOYER), Plan(address(COUNCIL), address(GUARD), 0, 0), path)
    return DeployedCity(devnet, endpoint, manifest, path, contracts_of(endpoint, manifest), Sender(endpoint))

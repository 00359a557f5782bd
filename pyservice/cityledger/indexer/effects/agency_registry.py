"""Effects of AgencyRegistry: agencies and their officers."""

from __future__ import annotations

import sqlalchemy as sa

from cityledger.chain.contracts.agency_registry import (
    AccountRotated,
    AgencyAdmitted,
    AgencyStatusChanged,
    KeysRotated,
    OfficerAppointed,
    OfficerDismissed,
)
from cityledger.chain.contracts.decoding import LoggedEvent
from cityledger.indexer.effects.effect import Effects
from cityledger.store.index.tables import idx_agency, idx_officer
from cityledger.store.index.versions import put, remove
from cityledger.types import AgencyStatus


def admit(connection: sa.Connection, event: AgencyAdmitted, logged: LoggedEvent) -> None:
    admission = event.admission
    put(
        connection,
        idx_agency,
        logged.block_number,
        {"agency": event.agency},
        code=admission.code,
        name=admission.name,
        local_name=admission.local_name,
        endpoint=admission.endpoint,
        account=admission.account,
        sealing_key_digest=admission.sealing_key_digest,
        credential_key_digest=admission.credential_key_digest,
        status=int(AgencyStatus.ACTIVE),
        epoch=1,
    )


def change_status(connection: sa.Connection, event: AgencyStatusChanged, logged: LoggedEvent) -> None:
    values = {"status": int(event.status), "epoch": event.epoch}
    put(connection, idx_agency, logged.block_number, {"agency": event.agency}, **values)


def rotate_account(connection: sa.Connection, event: AccountRotated, logged: LoggedEvent) -> None:
    put(connection, idx_agency, logged.block_number, {"agency": event.agency}, account=event.account)


def rotate_keys(connection: sa.Connection, event: KeysRotated, logged: LoggedEvent) -> None:
    put(
        connection,
        idx_agency,
        logged.block_number,
        {"agency": event.agency},
        sealing_key_digest=event.sealing_key_digest,
        credential_key_digest=event.credential_key_digest,
    )


def appoint(connection: sa.Connection, event: OfficerAppointed, logged: LoggedEvent) -> None:
    appointment = event.appointment
    put(
        connection,
        idx_officer,
        logged.block_number,
        {"agency": event.agency, "account": event.account},
        role=int(appointment.role),
        until=appointment.until,
        epoch=appointment.epoch,
    )


def dismiss(connection: sa.Connection, event: OfficerDismissed, logged: LoggedEvent) -> None:
    key = {"agency": event.agency, "account": event.account}
    remove(connection, idx_officer, logged.block_number, key)


EFFECTS: Effects = {
    AgencyAdmitted: admit,
    AgencyStatusChanged: change_status,
    AccountRotated: rotate_account,
    KeysRotated: rotate_keys,
    OfficerAppointed: appoint,
    OfficerDismissed: dismiss,
}

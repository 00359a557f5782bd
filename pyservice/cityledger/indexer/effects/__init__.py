"""What each event does to the index: one reaction an event, dispatched on its type. An event without one
stops the cursor.
"""

from __future__ import annotations

import json

import sqlalchemy as sa

from cityledger.chain.contracts import decoding as e
from cityledger.errors import ChainError
from cityledger.store.batches import is_own_transaction
from cityledger.store.index import tables as t
from cityledger.store.index.terms_json import terms_to_json
from cityledger.store.index.versions import find, put, remove
from cityledger.types import AgencyStatus, DatasetStatus, LogId


def apply_event(connection: sa.Connection, logged: e.LoggedEvent) -> None:
    """Writes an event's effects as rows that are true from its block on.

    Raises:
        ChainError: no reaction is known; skipping it would be deciding on half of the truth.
    """
    event, block = logged.event, logged.block_number
    match event:
        case e.AddressSet() | e.AuthorityUpdated():
            _apply_to_directory(connection, event, block)
        case (
            e.AgencyAdmitted()
            | e.AgencyStatusChanged()
            | e.AccountRotated()
            | e.KeysRotated()
            | e.OfficerAppointed()
            | e.OfficerDismissed()
        ):
            _apply_to_registry(connection, event, block)
        case e.DatasetPublished() | e.DatasetRevised() | e.DatasetRetired() | e.TermsSet() | e.PurposeSet():
            _apply_to_datasets(connection, event, block)
        case e.GrantSet() | e.GrantRevoked() | e.RestrictionSet() | e.SealSet():
            _apply_to_access(connection, event, block)
        case e.LogOpened() | e.LogClosed() | e.OperatorSet():
            _apply_to_logs(connection, event, block)
        case e.BatchAnchored() | e.Skipped():
            _apply_to_batches(connection, event, logged.transaction, block)
        case e.HeadMoved(dataset, record, leaf_hash, _, version):
            head = {"leaf_hash": leaf_hash, "version": version, "tx_hash": logged.transaction}
            put(connection, t.idx_head, block, {"dataset": dataset, "record": record}, **head)
        case e.HeadReset(dataset, record, _, _):
            remove(connection, t.idx_head, block, {"dataset": dataset, "record": record})
        case _:
            raise ChainError(f"no reaction to {type(event).__name__} in block {block}")


def _apply_to_directory(
    connection: sa.Connection, event: e.AddressSet | e.AuthorityUpdated, block: int
) -> None:
    # Who governs the contracts is the contracts' business: nothing in the index rests on the authority.
    if isinstance(event, e.AddressSet):
        put(
            connection,
            t.idx_contract,
            block,
            {"name": event.name},
            address=event.target,
            version=event.version,
        )


def _apply_to_registry(connection: sa.Connection, event: e.Event, block: int) -> None:
    match event:
        case e.AgencyAdmitted(agency, admission):
            put(
                connection,
                t.idx_agency,
                block,
                {"agency": agency},
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
        case e.AgencyStatusChanged(agency, status, epoch):
            put(connection, t.idx_agency, block, {"agency": agency}, status=int(status), epoch=epoch)
        case e.AccountRotated(agency, account):
            put(connection, t.idx_agency, block, {"agency": agency}, account=account)
        case e.KeysRotated(agency, sealing, credential):
            digests = {"sealing_key_digest": sealing, "credential_key_digest": credential}
            put(connection, t.idx_agency, block, {"agency": agency}, **digests)
        case e.OfficerAppointed(agency, account, held):
            key = {"agency": agency, "account": account}
            put(
                connection, t.idx_officer, block, key, role=int(held.role), until=held.until, epoch=held.epoch
            )
        case e.OfficerDismissed(agency, account):
            remove(connection, t.idx_officer, block, {"agency": agency, "account": account})


def _apply_to_datasets(connection: sa.Connection, event: e.Event, block: int) -> None:
    match event:
        case e.DatasetPublished(dataset, provider, publication):
            put(
                connection,
                t.idx_dataset,
                block,
                {"dataset": dataset},
                provider=provider,
                path=publication.path,
                title=publication.title,
                local_title=publication.local_title,
                profile=publication.profile,
                part_names=json.dumps(list(publication.parts)),
                schema_digest=publication.schema_digest,
                retention_seconds=publication.retention_seconds,
                dispute_period_seconds=publication.dispute_period_seconds,
                status=int(DatasetStatus.ACTIVE),
                current_terms=terms_to_json(publication.terms),
                pending_terms=None,
                pending_since=0,
            )
        case e.DatasetRevised(dataset, schema, retention, dispute):
            values = {
                "schema_digest": schema,
                "retention_seconds": retention,
                "dispute_period_seconds": dispute,
            }
            put(connection, t.idx_dataset, block, {"dataset": dataset}, **values)
        case e.DatasetRetired(dataset):
            put(connection, t.idx_dataset, block, {"dataset": dataset}, status=int(DatasetStatus.RETIRED))
        case e.TermsSet(dataset, current, pending, since):
            slots = {
                "current_terms": terms_to_json(current),
                "pending_terms": None if pending is None else terms_to_json(pending),
                "pending_since": since,
            }
            put(connection, t.idx_dataset, block, {"dataset": dataset}, **slots)
        case e.PurposeSet(purpose, is_listed):
            change = put if is_listed else remove
            change(connection, t.idx_purpose, block, {"purpose": purpose})


def _apply_to_access(connection: sa.Connection, event: e.Event, block: int) -> None:
    match event:
        case e.GrantSet(dataset, consumer, purpose, grant):
            put(
                connection,
                t.idx_grant,
                block,
                {"dataset": dataset, "consumer": consumer, "purpose": purpose},
                grant_id=grant.grant_id,
                parts=grant.parts,
                since=grant.since,
                until=grant.until,
                provider_epoch=grant.provider_epoch,
                consumer_epoch=grant.consumer_epoch,
            )
        case e.GrantRevoked(dataset, consumer, purpose, _):
            key = {"dataset": dataset, "consumer": consumer, "purpose": purpose}
            remove(connection, t.idx_grant, block, key)
        case e.RestrictionSet(dataset, record, consumer, is_restricted):
            key = {"dataset": dataset, "record": record, "consumer": consumer}
            (put if is_restricted else remove)(connection, t.idx_restriction, block, key)
        case e.SealSet(dataset, record, is_sealed):
            key = {"dataset": dataset, "record": record}
            (put if is_sealed else remove)(connection, t.idx_seal, block, key)


def _apply_to_logs(connection: sa.Connection, event: e.Event, block: int) -> None:
    match event:
        case e.LogOpened(log, agency, kind, operator, predecessor):
            put(
                connection,
                t.idx_log,
                block,
                {"log": log},
                agency=agency,
                kind=int(kind),
                operator=operator,
                next_seq=0,
                closed=False,
                predecessor=predecessor,
            )
        case e.LogClosed(log):
            put(connection, t.idx_log, block, {"log": log}, closed=True)
        case e.OperatorSet(log, operator):
            put(connection, t.idx_log, block, {"log": log}, operator=operator)


def _apply_to_batches(
    connection: sa.Connection, event: e.BatchAnchored | e.Skipped, transaction: bytes, block: int
) -> None:
    match event:
        case e.BatchAnchored(log, first, count, root):
            _verify_follows(connection, log, first, block)
            key = {"log": log, "first": first}
            put(connection, t.idx_batch, block, key, size=count, root=root, tx_hash=transaction)
            put(connection, t.idx_log, block, {"log": log}, next_seq=first + count)
        case e.Skipped(log, first, next_seq, reason) if is_own_transaction(connection, transaction):
            item = {"log": log, "first": first, "tx_hash": transaction}
            put(connection, t.idx_skipped, block, item, next_seq=next_seq, reason=int(reason))


def _verify_follows(connection: sa.Connection, log: LogId, first: int, block: int) -> None:
    """The contract takes no batch but at the log's next number: what lies between was left out."""
    held = find(connection, t.idx_log, {"log": log})
    if held is not None and held.next_seq != first:
        raise ChainError(
            f"log {log} goes on at {first} in block {block}, and is known up to {held.next_seq}: an endpoint"
            " left an event out; next: cityledger node rebuild"
        )

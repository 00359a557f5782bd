"""Revocation lists that agencies of a node fixture sign, put, and are restored with."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from fastapi.testclient import TestClient
from httpx import Response

from cityledger.api.revocations.signed_list import verify_revocation_list
from cityledger.client.credentials.statements import Revoking, make_revocation_list
from cityledger.recovery.backup import manifest as backup_manifest
from cityledger.recovery.backup.backup import make_backup, reading_copy
from cityledger.recovery.backup.manifest import DATABASE
from cityledger.recovery.backup.own_tables import copy_rows
from cityledger.recovery.backup.verified_copy import VerifiedBackup, verified_copy
from cityledger.recovery.restore.restore import Restored, restore_database, verify_restorable
from cityledger.recovery.restore.revocations import FoundLists, Grounds, gather_lists
from cityledger.store.engine.database import Database
from cityledger.store.engine.journal import Journal
from cityledger.store.index import queries as index
from cityledger.store.index.tables import INDEX_TABLES, block
from cityledger.store.objects import Objects
from cityledger.store.sessions import revocations
from cityledger.types import Agency, AgencyId
from support.node.chain_facts import INSTANCE
from support.node.node_fixture import TestNode
from support.store.backup_source import backup_source
from support.store.databases import empty_database_url

PROOF_KEY = ec.generate_private_key(ec.SECP256R1())


def signed(node: TestNode, seq: int, *revoked: tuple[str, str | None], **changes: Any) -> str:
    """A list of LAND's; ``changes`` are ``issuer``, ``issued``, ``key`` and ``instance``."""
    issued = changes.get("issued", node.time.now)
    said = Revoking(changes.get("issuer", "LAND"), issued, seq, revoked)
    key = changes.get("key", node.credential_keys["LAND"])
    return make_revocation_list(said, instance=changes.get("instance", INSTANCE), credential_key=key)


def put(node: TestNode, text: str, agency: str = "LAND", client: TestClient | None = None) -> Response:
    headers = {"Content-Type": "application/jwt"}
    return (client or node.client).put(f"/v1/agencies/{agency}/revocations", content=text, headers=headers)


def sign_in(node: TestNode, client: TestClient | None = None, **changes: Any) -> Response:
    form = node.assertion_form("LAND", proof_key=PROOF_KEY, **changes)
    return (client or node.client).post("/v1/token", data=form, headers={"DPoP": node.proof(PROOF_KEY)})


def list_objects(objects: Objects) -> dict[str, bytes]:
    return {one.key: b"".join(objects.get(one.key)) for one in objects.list("revocations/")}


def back_up(node: TestNode, folder: Path) -> Path:
    make_backup(folder, backup_source(node), node.time.now)
    return folder


def grounds(node: TestNode, stored: list[revocations.StoredList]) -> Grounds:
    """The node's index takes the place of the registry."""

    def find_agency(agency: AgencyId) -> Agency | None:
        with node.context.services.database.reading() as connection:
            return index.find_agency(connection, agency)

    now = node.time.now
    return Grounds(lambda text: verify_revocation_list(text, instance=INSTANCE, now=now), find_agency, stored)


@dataclass
class RestoredNode:
    """A node on a database that was restored; its index is that of the first node."""

    restored: Restored
    found: FoundLists
    database: Database
    journal: Journal
    client: TestClient

    def close(self) -> None:
        self.journal.close()
        self.database.close()


def restore(
    node: TestNode, backup: Path, folder: Path, objects: Objects, copies: Path | None
) -> RestoredNode:
    """The backup in a database of its own, with the lists in ``objects`` and ``copies``."""
    folder.mkdir()
    database = Database(empty_database_url(folder))
    with verified_copy(backup, backup_manifest.load(backup), folder / "copy") as verified:
        found = gather_lists(objects, copies, grounds(node, _stored_in(verified)))
        verify_restorable(verified.manifest, database)
        restored = restore_database(
            verified, database, objects, (), lambda _log: None, node.time.now, lists=found
        )
    with node.context.services.database.reading() as reading, database.writing() as writing:
        for table in (block, *INDEX_TABLES):
            copy_rows(reading, writing, table, lambda _rows: None)
    journal = Journal(database)
    client = node.client_with(database=database, journal=journal, objects=objects)
    return RestoredNode(restored, found, database, journal, client)


def _stored_in(backup: VerifiedBackup) -> list[revocations.StoredList]:
    with reading_copy(backup.state / DATABASE) as connection:
        return revocations.list_stored(connection)

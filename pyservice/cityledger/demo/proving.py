"""The scenes that need no trust in the node: proofs, tampering, revocation, receipts."""

from __future__ import annotations

import time
from collections.abc import Callable

import sqlalchemy as sa

from cityledger.client import Client
from cityledger.client.access_context import OWN_DUTY, AccessContext
from cityledger.client.answers import HistoryVersion
from cityledger.demo.scene import Scene, refusal_of
from cityledger.demo.sharing import OUTPATIENT, STREET
from cityledger.demo.stage import Stage
from cityledger.demo.verifier import find_verifier, run_verifier
from cityledger.errors import CityledgerError, DeniedError, SealingError, VerificationError
from cityledger.store.tables import record_part
from cityledger.types import BatchState, DatasetId, RecordId

Progress = Callable[[str, int, int], None]
_FINAL_WITHIN_SECONDS = 60.0
ASSISTANCE = AccessContext("SOCIAL_ASSISTANCE", "application 301")


def proof_verified(stage: Stage, progress: Progress) -> Scene:
    """An encounter is anchored, final, and checked by a program that shares no code with the service."""
    record, dataset = stage.records[OUTPATIENT][0], stage.dataset_id(OUTPATIENT)
    client = stage.client_of("health")
    version = _wait_until_final(client, dataset, record, progress)
    file = stage.city.folder / "proof.json"
    file.write_bytes(client.proof(dataset, record, OWN_DUTY).data)
    altered = stage.city.folder / "proof-altered.json"
    altered.write_bytes(_with_one_digit_changed(file.read_bytes()))
    rpc, ledger = stage.served.node.settings.rpc_url, stage.city.manifest.address("RecordLedger")
    code, output = run_verifier(file, rpc, ledger)
    refused, why = run_verifier(altered, rpc, ledger)
    return Scene(
        "The encounter is anchored and final; an independent program verifies its proof, not an altered one",
        code == 0 and refused == 4 and version.state is BatchState.FINAL,
        (
            f"log {version.log}, number {version.seq}, proof of {file.stat().st_size} bytes",
            f"verifier: {output.splitlines()[-1]}",
            f"one digit changed: {why.splitlines()[-1]}",
        ),
        f"python3 {find_verifier()} {file} --rpc {rpc} --ledger {ledger}",
    )


def tampering_found(stage: Stage) -> Scene:
    """One byte of stored ciphertext is flipped in the database, without the service."""
    name, dataset = stage.records[STREET][2], stage.dataset_id(STREET)
    client, context = stage.client_of("transport"), OWN_DUTY
    (found,) = client.find(dataset, context, record=name)
    _flip_byte(stage, dataset, found.record)
    error = refusal_of(lambda: client.get_record(dataset, name, context))
    _flip_byte(stage, dataset, found.record)
    healed = client.get_record(dataset, name, context)
    return Scene(
        "One stored byte is flipped in the database: the next read detects it and returns nothing",
        isinstance(error, SealingError | VerificationError) and "state" in healed.parts,
        (f"{error}", "flipped back: the record reads again"),
    )


def revoked(stage: Stage) -> Scene:
    """The steward revokes on chain; the next read is refused."""
    record, dataset = stage.records[OUTPATIENT][0], stage.dataset_id(OUTPATIENT)
    welfare, steward = stage.client_of("civil-affairs"), stage.steward_of("health")
    before = refusal_of(lambda: welfare.get_record(dataset, record, ASSISTANCE))
    consumer = stage.city.agencies["civil-affairs"]
    started = time.monotonic()
    mined = steward.revoke(dataset, consumer, ASSISTANCE.purpose)
    error = refusal_of(lambda: welfare.get_record(dataset, record, ASSISTANCE))
    seconds = time.monotonic() - started
    return Scene(
        "The health commission's steward revokes civil affairs' grant on chain: the next read is refused",
        before is None and isinstance(error, DeniedError) and error.code == 81,
        (
            f"revoked in block {mined.block}; refused {seconds:.1f} s after the steward asked, at 1 s blocks",
            f"{error}",
        ),
        stage.curl("civil-affairs", f"/v1/datasets/0x{dataset.hex()}/records/{record}", ASSISTANCE.purpose),
    )


def every_read_is_logged(stage: Stage) -> Scene:
    """Reads and refusals have receipts, and these are anchored too."""
    client = stage.client_of("health")
    reads = list(client.reads())
    refused = [read for read in reads if read.whole is not None and not read.whole.receipt.permit]
    first = next(read.whole for read in reads if read.whole is not None)
    digest = first.leaf.receipt
    proven = _retry(lambda: client.read_proof(digest))
    return Scene(
        "Every read and every refusal left a receipt, and the receipts are anchored as well",
        bool(refused) and proven is not None,
        (
            f"the health commission sees {len(reads)} reads of its records, {len(refused)} of them refused",
            f"receipt 0x{digest.hex()[:8]}…, number {first.leaf.seq} of log {first.leaf.log}: proof verified",
        ),
        stage.curl("health", "/v1/reads?limit=5", "OWN_DUTY"),
    )


def _wait_until_final(client: Client, dataset: DatasetId, record: str, progress: Progress) -> HistoryVersion:
    deadline = time.monotonic() + _FINAL_WITHIN_SECONDS
    while True:
        (version, *_) = client.history(dataset, record, OWN_DUTY)
        state = version.state or 0
        progress("open → closed → signed → mined → final", int(state), int(BatchState.FINAL))
        if version.state is BatchState.FINAL or time.monotonic() > deadline:
            return version
        time.sleep(0.25)  # a batch becomes final with a block, one per second


def _retry(ask: Callable[[], object]) -> object:
    deadline = time.monotonic() + _FINAL_WITHIN_SECONDS
    while True:
        try:
            return ask()
        except CityledgerError:
            if time.monotonic() > deadline:
                return None
        time.sleep(0.25)


def _with_one_digit_changed(proof: bytes) -> bytes:
    place = proof.index(b'"commitment"') + len(b'"commitment": "0x')
    digit = b"0" if proof[place : place + 1] != b"0" else b"1"
    return proof[:place] + digit + proof[place + 1 :]


def _flip_byte(stage: Stage, dataset: DatasetId, record: RecordId) -> None:
    first_part = record_part.c.bit == 0
    of_record = (record_part.c.dataset == dataset) & (record_part.c.record == record) & first_part
    with stage.served.node.services.database.writing() as connection:
        ciphertext = connection.execute(sa.select(record_part.c.ciphertext).where(of_record)).scalar_one()
        flipped = ciphertext[:-1] + bytes([ciphertext[-1] ^ 1])
        connection.execute(record_part.update().where(of_record).values(ciphertext=flipped))

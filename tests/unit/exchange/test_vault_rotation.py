"""Rotation of a vault key of a node that reads, writes, erases and imports."""

from __future__ import annotations

import io
import os
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from cityledger.errors import VerificationError
from cityledger.exchange import submit as submitting
from cityledger.exchange import vault_rotation
from cityledger.exchange.imports.spool import open_spooled, spool
from cityledger.exchange.parts.seal_version import seal_version
from cityledger.exchange.vault_rotation import VaultRotation
from cityledger.sealing.keyring import Keyring
from cityledger.sealing.keyring_lock import UnlockSecret
from cityledger.sealing.wrap import wrapped_epoch
from cityledger.store import imports
from cityledger.store import tables as t
from cityledger.store.engine import purging
from cityledger.store.imports import JobKey, NewJob
from cityledger.store.records import versions as records
from cityledger.store.records.vault_floors import find_floor
from cityledger.types import AgencyId
from support.node.chain_facts import INSTANCE
from support.node.node_fixture import TestNode
from support.node.sample_records import TITLE_RECORD, TREATMENT_RECORD

HEALTH = AgencyId(1)
NOW = 1_796_000_000


@pytest.fixture
def rotation(node: TestNode, monkeypatch: pytest.MonkeyPatch) -> VaultRotation:
    """With a database connection and a keyring of its own, as another process has."""
    monkeypatch.setattr(vault_rotation, "PAGE", 2)
    keyring = Keyring.open(node.context.settings.keyring, UnlockSecret.from_passphrase("tests"))
    return VaultRotation(node.context.services.database, keyring, INSTANCE, os.urandom, HEALTH)


def rotate(rotation: VaultRotation, on_progress: Callable[[int], None] = lambda _count: None) -> list[int]:
    epoch = rotation.add_key()
    rotation.use_key(epoch, 0)
    rotation.wrap_again(epoch, on_progress)
    return rotation.drop_former(epoch, NOW)


def epochs(node: TestNode) -> dict[int, int]:
    """How many data keys of records name each epoch."""
    living = t.record_version.select().where(t.record_version.c.wrapped.is_not(None))
    with node.context.services.database.reading() as connection:
        return dict(Counter(wrapped_epoch(row.wrapped) for row in connection.execute(living)))


def read(node: TestNode, name: str) -> int:
    headers = node.headers("HEALTH", "reader")
    return node.client.get(node.url(node.health, name), headers=headers).status_code


def put(node: TestNode, *names: str) -> None:
    for name in names:
        node.put(node.health, name, TREATMENT_RECORD)


def test_every_record_is_read_after_the_rotation_and_written_under_the_new_key(
    node: TestNode, rotation: VaultRotation
) -> None:
    put(node, "a", "b", "c", "d", "e")
    node.put(node.land, "title", TITLE_RECORD)

    assert rotate(rotation) == [1]

    assert [read(node, name) for name in "abcde"] == [200] * 5
    put(node, "f")
    assert read(node, "f") == 200
    assert epochs(node) == {2: 6, 1: 1}  # LAND has a key of its own
    assert list(node.context.services.keyring.agency(HEALTH).vault_keys) == [2]


def test_data_keys_under_the_dropped_key_are_due_to_leave_the_files(
    node: TestNode, rotation: VaultRotation
) -> None:
    put(node, "one")
    rotate(rotation)
    with node.context.services.database.reading() as connection:
        assert purging.find_due(connection) == NOW


def test_a_rotation_that_is_killed_between_purge_mark_and_drop_has_marked(
    node: TestNode, rotation: VaultRotation, monkeypatch: pytest.MonkeyPatch
) -> None:
    class KilledError(Exception):
        pass

    def killed(*_arguments: object, **_options: object) -> None:
        raise KilledError

    put(node, "a")
    with monkeypatch.context() as patch, pytest.raises(KilledError):
        patch.setattr(Keyring, "drop_vault_key", killed)
        rotate(rotation)

    with node.context.services.database.reading() as connection:
        assert purging.find_due(connection) == NOW
    assert rotate(rotation) == [1]


def test_a_second_rotation_goes_to_the_next_epoch(node: TestNode, rotation: VaultRotation) -> None:
    put(node, "a")
    assert (rotate(rotation), rotate(rotation)) == ([1], [2])
    assert (epochs(node), read(node, "a")) == ({3: 1}, 200)


@pytest.mark.parametrize("steps", range(5))
def test_a_rotation_that_was_cut_off_continues(node: TestNode, rotation: VaultRotation, steps: int) -> None:
    """Steps that are durable: key added, in use, a page wrapped again, all, dropped."""
    put(node, "a", "b", "c")

    class CutOffError(Exception):
        pass

    def cut(_count: int) -> None:
        raise CutOffError

    epoch = rotation.add_key()
    if steps >= 1:
        rotation.use_key(epoch, 0)
    if steps == 2:
        with pytest.raises(CutOffError):
            rotation.wrap_again(epoch, cut)
        assert epochs(node) == {2: 2, 1: 1}
    if steps >= 3:
        rotation.wrap_again(epoch)
    if steps == 4:
        rotation.drop_former(epoch, NOW)
    put(node, "d")
    assert [read(node, name) for name in "abcd"] == [200] * 4

    again = Keyring.open(node.context.settings.keyring, UnlockSecret.from_passphrase("tests"))
    continued = VaultRotation(rotation.database, again, INSTANCE, os.urandom, HEALTH)
    rotate(continued)

    assert set(epochs(node)) == {3 if steps == 4 else 2}
    assert [read(node, name) for name in "abcd"] == [200] * 4


def test_an_erasure_during_the_rotation_is_not_undone(node: TestNode, rotation: VaultRotation) -> None:
    put(node, "a", "b", "c")
    erasure: dict[str, Any] = {}

    def erase_once(rotation: VaultRotation, *rest: Any) -> Any:
        """Between reading the page and writing it."""
        found = real(rotation, *rest)
        if not erasure:
            headers = node.headers("HEALTH", "writer")
            erasure["status"] = node.client.delete(
                node.url(node.health, "a") + "?reason=subject-request", headers=headers
            ).status_code
        return found

    real = VaultRotation._wrapped_again
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(VaultRotation, "_wrapped_again", erase_once)
        rotate(rotation)

    assert erasure["status"] == 200
    assert (read(node, "a"), read(node, "b")) == (404, 200)
    assert epochs(node) == {2: 2}


def test_a_write_that_was_sealed_before_is_sealed_again(
    node: TestNode, rotation: VaultRotation, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its data key is wrapped before the transaction: without the fence it would commit under a lost key."""
    real = seal_version
    rotated: list[list[int]] = []

    def sealed_then_rotated(*arguments: Any, **named: Any) -> Any:
        made = real(*arguments, **named)
        if not rotated:
            rotated.append(rotate(rotation))
        return made

    monkeypatch.setattr(submitting, "seal_version", sealed_then_rotated)
    put(node, "late")

    assert rotated == [[1]]
    assert (epochs(node), read(node, "late")) == ({2: 1}, 200)


def test_a_former_key_stays_while_anything_needs_it(node: TestNode, rotation: VaultRotation) -> None:
    put(node, "a")
    epoch = rotation.add_key()
    rotation.use_key(epoch, 0)

    with pytest.raises(VerificationError, match="1 data keys still need"):
        rotation.drop_former(epoch, NOW)

    assert sorted(rotation.keyring.agency(HEALTH).vault_keys) == [1, 2]


def test_files_that_wait_to_be_imported_are_wrapped_again(node: TestNode, rotation: VaultRotation) -> None:
    services = node.context.services
    spooled = spool(services, HEALTH, node.health, [b"a file"]).spooled
    new = NewJob("job", JobKey(HEALTH, node.health, b"c" * 32, "ndjson"), spooled, b"options", b"caller", 0)
    services.journal.run(lambda connection: imports.add_job(connection, new))

    assert rotate(rotation) == [1]

    with services.database.reading() as connection:
        job = imports.find_job(connection, "job")
    assert job is not None
    assert job.spooled is not None
    assert open_spooled(services, HEALTH, node.health, job.spooled, lambda _read: None).read() == b"a file"


def test_an_upload_that_outlasts_the_rotation_is_imported(
    node: TestNode, rotation: VaultRotation, monkeypatch: pytest.MonkeyPatch
) -> None:
    from cityledger.exchange.imports import jobs
    from cityledger.exchange.imports.spool import spool

    epoch = rotation.add_key()

    def spooled_then_rotated(*arguments: Any) -> Any:
        made = spool(*arguments)
        rotation.use_key(epoch, 0)
        return made

    monkeypatch.setattr(jobs, "spool", spooled_then_rotated)
    line = b'{"id": "x", "act": "put", "parts": {}}\n'
    url = f"/v1/datasets/0x{node.health.hex()}/imports?format=ndjson"
    headers = {**node.headers("HEALTH", "writer"), "Content-Type": "application/x-ndjson"}
    answer = node.client.post(url, content=io.BytesIO(line), headers=headers)

    assert answer.status_code == 202, answer.text
    with node.context.services.database.reading() as connection:
        unfinished = imports.list_unfinished(connection)
        assert find_floor(connection, HEALTH) == 2
    assert [wrapped_epoch(job.spooled.wrapped) for job in unfinished if job.spooled] == [2]


def test_a_process_without_the_new_key_refuses_rather_than_fails(
    node: TestNode, rotation: VaultRotation, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(node, "a")
    keyring = node.context.services.keyring
    monkeypatch.setattr(keyring, "_refresh", lambda _agency: None)  # a copy of its own, not renewed
    rotate(rotation)

    headers = node.headers("HEALTH", "reader")
    answer = node.client.get(node.url(node.health, "a"), headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (503, "key-unavailable")
    written = node.client.put(
        node.url(node.health, "b"), json=TREATMENT_RECORD, headers=node.headers("HEALTH", "writer")
    )
    assert (written.status_code, written.json()["code"]) == (503, "key-unavailable")
    with node.context.services.database.reading() as connection:
        assert records.newest_version(connection, node.health, node_record(node, "b")) == 0


def node_record(node: TestNode, name: str) -> Any:
    from cityledger.sealing.record_ids import record_id

    return record_id(node.context.services.keyring.agency(HEALTH).record_key(node.health), name)

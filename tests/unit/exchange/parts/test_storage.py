"""Where sealed bytes go, and that no object outlives the write that made it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cityledger.errors import BusyError, ConflictError, StorageFullError, UnavailableError
from cityledger.exchange.access import Access, Intent, Target
from cityledger.exchange.parts import storage
from cityledger.exchange.parts.seal_version import Content
from cityledger.exchange.permits import Permit, request_permit
from cityledger.exchange.submit import RowDraft, seal_rows, submit_rows
from cityledger.sealing.context import Context
from cityledger.store.index import queries as index
from cityledger.types import OWN_DUTY, Action, Aead, RecordId
from support.node.node_fixture import TestNode, make_node

LONG = b'{"a":"' + b"x" * storage.IN_ROW_BYTES + b'"}'
INTENT = Intent(Action.WRITE, OWN_DUTY)


@pytest.fixture
def node(tmp_path: Path) -> Iterator[TestNode]:
    made = make_node(tmp_path)
    yield made
    made.close()


def _spec(node: TestNode) -> storage.PartSpec:
    context = Context(node.context.services.instance, node.health, RecordId(b"\x11" * 32), 1)
    return storage.PartSpec(0, "summary", context, b"\x01" * 32, Aead.AES_256_GCM, padding=9)


def _objects(node: TestNode) -> list[str]:
    return [one.key for one in node.context.services.objects.list("parts/")]


def _permit(node: TestNode) -> Permit:
    access = Access(node.session("HEALTH", "writer"), INTENT, Target(node.health))
    return request_permit(node.context.services, access)


def _rows(node: TestNode) -> tuple[index.Dataset, list[RowDraft]]:
    with node.context.services.database.reading() as connection:
        dataset = index.find_dataset(connection, node.health)
    assert dataset is not None
    content = Content((), {"summary": LONG})
    return dataset, [RowDraft(RecordId(bytes([number]) * 32), 1, content) for number in (1, 2)]


@pytest.mark.parametrize(("excess", "objects"), [(0, 0), (1, 1)])
def test_seal_part_keeps_an_object_only_above_the_limit(node: TestNode, excess: int, objects: int) -> None:
    """The limit is between the padded lengths 128 KiB and 512 KiB."""
    payload = bytes(131_072 + excess)

    part = storage.seal_part(node.context.services, _spec(node), [payload])

    assert (part.sealed_bytes > storage.IN_ROW_BYTES) == bool(objects)
    assert len(_objects(node)) == objects
    assert (part.ciphertext is None) == bool(objects)
    assert len(b"".join(storage.ciphertext_of(node.context.services, part))) == part.sealed_bytes


def test_seal_part_seals_the_same_bytes_wherever_they_go(node: TestNode) -> None:
    services, place = node.context.services, _spec(node)
    payload = bytes(range(256)) * 4_000

    whole = storage.seal_part(services, place, [payload])
    pieces = storage.seal_part(services, place, (payload[i : i + 999] for i in range(0, len(payload), 999)))

    assert (whole.digest, whole.commitment) == (pieces.digest, pieces.commitment)
    assert storage.header_of(services, whole) == storage.header_of(services, pieces)


@pytest.mark.parametrize(
    ("error", "left"),
    [
        (StorageFullError("full"), 0),
        (ConflictError("c"), 0),
        (BusyError("others write it"), 0),
        (UnavailableError("who knows"), 2),
    ],
)
def test_submit_rows_removes_objects_unless_the_rows_may_still_come(
    node: TestNode, error: Exception, left: int
) -> None:
    services, (dataset, drafts) = node.context.services, _rows(node)
    sealed = seal_rows(services, dataset, drafts)
    assert len(_objects(node)) == 2

    def within(*_: Any) -> None:
        raise error

    with pytest.raises(type(error)):
        submit_rows(services, _permit(node), sealed, within)

    assert len(_objects(node)) == left


def test_submit_rows_keeps_the_objects_of_what_it_stored(node: TestNode) -> None:
    services, (dataset, drafts) = node.context.services, _rows(node)
    sealed = seal_rows(services, dataset, drafts)

    submit_rows(services, _permit(node), sealed, lambda *_: None)

    keys = storage.keys_in(part for one in sealed for part in one.parts)
    storage.discard(services, keys)  # what a row needs cannot be thrown away by mistake
    assert set(_objects(node)) == keys
    assert len(keys) == 2


def test_seal_rows_that_fails_midway_leaves_no_object(
    node: TestNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    services, (dataset, drafts) = node.context.services, _rows(node)
    put, puts = services.objects.put, []

    def failing(key: str, chunks: Any) -> int:
        puts.append(key)
        if len(puts) == 2:
            raise StorageFullError("full")
        return put(key, chunks)

    monkeypatch.setattr(services.objects, "put", failing)

    with pytest.raises(StorageFullError):
        seal_rows(services, dataset, drafts)

    assert _objects(node) == []


def test_nodes_of_other_operators_have_other_places_in_the_store(node: TestNode) -> None:
    storage.seal_part(node.context.services, _spec(node), [bytes(300_000)])

    (key,) = _objects(node)
    assert key.startswith(f"parts/{node.context.services.operator.address.lower()}/")

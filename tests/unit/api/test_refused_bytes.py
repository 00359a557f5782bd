"""Stored bytes that were altered behind the node: no read returns them."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa

from cityledger.store import tables as t
from support.node.node_fixture import TestNode
from support.node.refusals import verify_refused
from support.node.sample_records import TREATMENT_RECORD


def _swap(table: sa.Table, *names: str) -> Any:
    """Exchanges columns between two records of one dataset."""

    def change(node: TestNode) -> None:
        with node.context.services.database.reading() as connection:
            rows = connection.execute(sa.select(table).order_by(table.c.record, table.c.version)).all()
        records = sorted({row.record for row in rows})
        mine, other = ([row for row in rows if row.record == record] for record in records)
        for ours, theirs in (*zip(mine, other, strict=True), *zip(other, mine, strict=True)):
            keys = [column.name for column in table.primary_key]
            this_row = sa.and_(*(table.c[key] == getattr(ours, key) for key in keys))
            node.execute(
                table.update().where(this_row).values({name: getattr(theirs, name) for name in names})
            )

    return change


def _swap_parts(node: TestNode) -> None:
    part = t.record_part
    with node.context.services.database.reading() as connection:
        rows = connection.execute(sa.select(part).where(part.c.bit.in_([0, 1]))).all()
    by_place = {(row.record, row.bit): row for row in rows}
    for (record, bit), _ in by_place.items():
        other = by_place[record, 1 - bit]
        this_row = (part.c.record == record) & (part.c.bit == bit)
        changed = {"ciphertext": other.ciphertext, "digest": other.digest, "commitment": other.commitment}
        node.execute(part.update().where(this_row).values(changed))


def _flip(node: TestNode) -> None:
    part = t.record_part
    with node.context.services.database.reading() as connection:
        rows = connection.execute(sa.select(part)).all()
    for row in rows:
        this_row = (part.c.record == row.record) & (part.c.bit == row.bit)
        flipped = row.ciphertext[:-1] + bytes([row.ciphertext[-1] ^ 1])
        node.execute(part.update().where(this_row).values(ciphertext=flipped))


ALTERATIONS = {
    "ciphertexts swapped": _swap(t.record_part, "ciphertext"),
    "ciphertexts and digests swapped": _swap(t.record_part, "ciphertext", "digest"),
    "whole parts swapped": _swap(t.record_part, "ciphertext", "digest", "commitment"),
    "wrapped keys swapped": _swap(t.record_version, "wrapped"),
    "parts of one record swapped": _swap_parts,
    "a byte changed": _flip,
    "nothing left of it": lambda node: node.execute(t.record_part.update().values(ciphertext=b"")),
    "a part removed": lambda node: node.execute(t.record_part.delete().where(t.record_part.c.bit == 1)),
    "subjects removed": lambda node: node.execute(t.record_subject.delete()),
}


@pytest.mark.parametrize("alter", ALTERATIONS.values(), ids=ALTERATIONS)
def test_get_refuses_altered_bytes(node: TestNode, alter: Any) -> None:
    node.put(node.health, "visit", TREATMENT_RECORD)
    node.put(node.health, "other", TREATMENT_RECORD)
    alter(node)
    headers = node.headers("LAND", "reader", "TREATMENT")
    answer = node.client.get(node.url(node.health, "visit"), headers=headers)
    verify_refused(answer, 500, "stored-bytes-altered")
    assert "Patient" not in answer.text


def test_get_refuses_a_version_in_place_of_another(node: TestNode) -> None:
    node.put(node.health, "visit", TREATMENT_RECORD)
    node.put(node.health, "visit", TREATMENT_RECORD)
    part, version = t.record_part, t.record_version
    with node.context.services.database.reading() as connection:
        first = connection.execute(sa.select(part).where(part.c.version == 1).order_by(part.c.bit)).all()
        wrapped = connection.execute(sa.select(version.c.wrapped).where(version.c.version == 1)).scalar_one()
    for row in first:
        changed = {"ciphertext": row.ciphertext, "digest": row.digest, "commitment": row.commitment}
        node.execute(part.update().where((part.c.version == 2) & (part.c.bit == row.bit)).values(changed))
    node.execute(version.update().where(version.c.version == 2).values(wrapped=wrapped))

    answer = node.client.get(
        node.url(node.health, "visit"), headers=node.headers("LAND", "reader", "TREATMENT")
    )
    verify_refused(answer, 500, "stored-bytes-altered")
    assert "Patient" not in answer.text

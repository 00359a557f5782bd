"""A read that met altered bytes answered 500, and neither log nor figures nor checks said so or where; and
one unsigned flag in the database hid a record as if it had been withdrawn.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

import pytest
import sqlalchemy as sa
from httpx import Response

from cityledger.checks.result import run_check
from cityledger.checks.running import _cheap_checks
from cityledger.store.tables import leaf, record_part, record_version
from support.node.node_fixture import TestNode
from support.node.sample_records import TREATMENT_RECORD

PATHS = {
    "read": lambda node: node.client.get(node.url(node.health, "visit"), headers=_reading(node)),
    "part": lambda node: node.client.get(
        node.url(node.health, "visit", "/parts/summary"), headers=_reading(node)
    ),
    "proof": lambda node: node.client.get(node.url(node.health, "visit", "/proof"), headers=_reading(node)),
}
ALTERATIONS: dict[str, tuple[sa.Executable, tuple[str, ...]]] = {
    "ciphertext": (record_part.update().values(ciphertext=b"CLE1" + bytes(80)), ("read", "part")),
    "commitment": (record_part.update().values(commitment=bytes(32)), ("read", "part", "proof")),
    "schema": (record_version.update().values(schema=bytes(32)), ("read", "part", "proof")),
    "wrapped key": (record_version.update().values(wrapped=bytes(64)), ("read", "part")),
    "withdrawn": (record_version.update().values(withdrawn=True), ("read", "part")),
    "lost key": (record_version.update().values(wrapped=None), ("read", "part")),
    "leaf": (leaf.update().where(leaf.c.log == 1).values(hash=bytes(32)), ("proof",)),
}
CASES = [(what, path) for what, (_, paths) in ALTERATIONS.items() for path in paths]


def _reading(node: TestNode) -> dict[str, str]:
    return node.headers("LAND", "reader", "TREATMENT")


@pytest.mark.parametrize(("what", "path"), CASES, ids=[" by ".join(case) for case in CASES])
def test_an_altered_record_is_told_to_caller_log_figures_and_checks(
    node: TestNode, caplog: pytest.LogCaptureFixture, what: str, path: str
) -> None:
    node.put(node.health, "visit", TREATMENT_RECORD)
    node.anchor_all()
    node.execute(ALTERATIONS[what][0])
    ask: Callable[[TestNode], Response] = PATHS[path]
    caplog.set_level(logging.INFO)

    answer = ask(node)

    assert (answer.status_code, answer.json()["code"]) == (500, "stored-bytes-altered")
    errors = [one for one in caplog.records if one.levelno >= logging.WARNING]
    assert [one.getMessage() for one in errors] == ["stored bytes altered log=1 seq=0"]
    assert node.context.services.alterations.met == (1, (1, 0))
    (line,) = [run_check(one) for one in _cheap_checks(node.context.services) if one.name == "stored bytes"]
    assert (line.ok, line.vital) == (False, False)
    assert "log 1, number 0" in line.detail
    assert "log 1" not in line.disclosed


def test_a_withdrawn_record_that_is_called_readable_is_told(
    node: TestNode, caplog: pytest.LogCaptureFixture
) -> None:
    node.put(node.health, "visit", TREATMENT_RECORD)
    url = node.url(node.health, "visit", "/withdraw")
    assert node.client.post(url, headers=node.headers("HEALTH", "writer")).status_code == 200
    node.execute(record_version.update().values(withdrawn=False))

    answer = PATHS["read"](node)

    assert (answer.status_code, answer.json()["code"]) == (500, "stored-bytes-altered")
    assert node.context.services.alterations.met == (1, (1, 1))


@pytest.mark.parametrize("tail", ["/withdraw", "?reason=subject-request"])
def test_what_was_withdrawn_or_erased_is_not_found_and_no_alteration(node: TestNode, tail: str) -> None:
    node.put(node.health, "visit", TREATMENT_RECORD)
    method = "POST" if tail == "/withdraw" else "DELETE"
    url = node.url(node.health, "visit", tail)
    assert node.client.request(method, url, headers=node.headers("HEALTH", "writer")).status_code == 200

    assert PATHS["read"](node).json()["code"] == "record-not-found"
    assert node.context.services.alterations.met == (0, None)


def test_a_hidden_record_stays_hidden_when_it_is_altered(node: TestNode) -> None:
    """An alteration is reported only to callers who may have the record: to others it would say that there is
    one.
    """
    record = node.put(node.health, "visit", TREATMENT_RECORD)["record"]
    node.seal(node.health, bytes.fromhex(record[2:]))  # type: ignore[arg-type]
    node.execute(record_version.update().values(withdrawn=True))

    assert PATHS["read"](node).json()["code"] == "record-not-found"
    assert node.context.services.alterations.met == (0, None)

"""PostgreSQL accepts no NUL in a text, and the contracts accept all bytes: one steward's title stopped every
index on PostgreSQL permanently, a purpose that is not ASCII stopped every index, and one NUL in a request
or a file was answered as a database that is down.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from eth_abi.abi import encode
from eth_utils.crypto import keccak

from cityledger.chain.abi.artifacts import FOLLOWED_NAMES, entries_of_kind
from cityledger.chain.abi.codec import canonical_type, signature
from cityledger.chain.contracts import Event
from cityledger.chain.contracts.decoding import decode_logs
from cityledger.exchange.imports.notes import Notes, opened
from cityledger.recovery.index.state_digest import table_digest
from cityledger.store import imports, node_state
from cityledger.store.imports import Cursor, ListedRow, Verdict
from cityledger.store.index import queries as index
from cityledger.store.index import tables as t
from cityledger.types import AgencyId
from support.chain.memory_chain import MemoryChain
from support.chain.memory_index import index_of
from support.imports.import_fixture import ImportDesk, ndjson
from support.node.node_fixture import TestNode

TEXT = b"a\0b\xff\xed\xa0\x80c"
"""NUL, a byte that begins nothing, half a surrogate pair."""
SHOWN = "a\ufffdb" + "\ufffd" * 4 + "c"
WORD = b"A\0B\x80".ljust(32, b"\0")
DIGESTS = {
    "idx_agency": "436698",
    "idx_dataset": "77ccc0",
}
"""How the digests of these tables begin, on either database."""


@pytest.fixture
def chain() -> MemoryChain:
    made = MemoryChain()
    made.mine()
    return made


def read(name: str) -> Event:
    """The event of that name as read from a chain on which every text and word holds such bytes."""
    entry = next(
        one for code in FOLLOWED_NAMES for one in entries_of_kind(code, "event") if one["name"] == name
    )
    indexed = [one for one in entry["inputs"] if one["indexed"]]
    plain = [one for one in entry["inputs"] if not one["indexed"]]
    # A string is encoded as bytes are, and only bytes may be what they want.
    types = [canonical_type(one).replace("string", "bytes") for one in plain]
    log = {
        "address": "0x" + "11" * 20,
        "topics": ["0x" + topic.hex() for topic in (keccak(text=signature(entry)), *map(_topic, indexed))],
        "data": "0x" + encode(types, [_value(one) for one in plain]).hex(),
        "blockNumber": "0x1",
        "blockHash": "0x" + "0b" * 32,
        "transactionHash": "0x" + "ab" * 32,
        "logIndex": "0x0",
    }
    return decode_logs([log])[0].event


def _topic(parameter: Any) -> bytes:
    return encode([parameter["type"]], [_value(parameter)])


def _value(parameter: Any) -> Any:
    kind = parameter["type"]
    if kind.endswith("[]"):
        return [_value({**parameter, "type": kind.removesuffix("[]")})]
    if kind == "tuple":
        return tuple(_value(member) for member in parameter["components"])
    by_type = {"address": "0x" + "22" * 20, "string": TEXT, "bool": True, "bytes32": WORD}
    return by_type.get(kind, 1)


def test_index_goes_on_over_names_that_are_no_text(chain: MemoryChain, tmp_path: Path) -> None:
    events = [
        read(name) for name in ("AddressSet", "PurposeSet", "AgencyAdmitted", "DatasetPublished", "TermsSet")
    ]
    head = chain.mine(*events)

    with index_of(chain, tmp_path) as indexed:
        indexed.catch_up()
        with indexed.database.reading() as connection:
            assert index.find_cursor(connection) == head
            agency = index.find_agency(connection, AgencyId(1))
            (dataset,) = index.list_datasets(connection)
            tables = (t.idx_agency, t.idx_dataset)
            digests = {one.name: table_digest(connection, one, head.number).hex()[:6] for one in tables}

    assert agency is not None
    assert (agency.code, agency.name, agency.local_name, agency.endpoint) == ("A\\x00B\\x80", *[SHOWN] * 3)
    assert (dataset.path, dataset.title, dataset.local_title, dataset.part_names) == (*[SHOWN] * 3, (SHOWN,))
    assert dataset.current_terms.purposes == (WORD,)
    assert digests == DIGESTS, "the same on SQLite and PostgreSQL"


PATHS = {
    "an agency": "/v1/agencies/HEA%00LTH",
    "words": "/v1/datasets?q=a%00b",
    "a profile": "/v1/datasets?profile=a%00b",
    "a dataset": "/v1/datasets/0x%00",
    "an import": "/v1/imports/%00",
    "a receipt": "/v1/reads/%00",
    "a place in a list": "/v1/reads?after=%00",
    "a record": "{records}a%00b",
    "a part": "{records}visit-1/parts/%00",
    "parts": "{records}visit-1?parts=%00",
}


@pytest.mark.parametrize("path", PATHS.values(), ids=PATHS)
def test_request_with_a_nul_is_answered(node: TestNode, path: str) -> None:
    answer = node.client.get(
        path.format(records=node.url(node.health)), headers=node.headers("HEALTH", "reader")
    )
    assert answer.status_code < 500, answer.text


HEADERS = ("Idempotency-Key", "Cityledger-Case", "Cityledger-Purpose", "Cityledger-Represents")


@pytest.mark.parametrize("header", HEADERS)
def test_header_with_a_nul_is_refused(node: TestNode, header: str) -> None:
    headers = {**node.headers("HEALTH", "writer"), header: "a\0b"}
    answer = node.client.put(node.url(node.health, "visit-1"), json={"parts": {}}, headers=headers)
    assert 400 <= answer.status_code < 500, answer.text


def test_import_lists_a_row_whose_names_hold_a_nul(node: TestNode) -> None:
    desk = ImportDesk.of(node, node.land)
    job = desk.import_(ndjson([{"id": "a", "parts": {"ti\0tle": {"\0": "\0"}}}, {"id": "b\0", "parts": {}}]))
    assert job.state is imports.JobState.DONE
    assert [row.row_no for row in desk.rows(job)] == [1, 2]


def test_import_stops_with_a_reason_that_holds_a_nul(node: TestNode) -> None:
    desk = ImportDesk.of(node, node.land)
    job = desk.send(b"")
    services = node.context.services
    notes = Notes(services, job.key.agency, job.key.dataset)
    with services.database.writing() as connection:
        row = ListedRow(1, 0, Verdict.REJECTED, "parts.\0\ud800", "\ud800 is half a character")
        imports.advance(connection, job.id, Cursor(0, 0, "{}", 0), Cursor(1, 9, "{}", 0), [row], notes.seal)
        imports.finish(connection, job.id, notes.seal("line 1: \0"), 5)
    (listed,) = desk.rows(job)
    assert (listed.field, listed.reason) == ("parts.\0\\ud800", "\\ud800 is half a character")
    assert opened(services, desk.job(job.id)).failure == "line 1: \0"


def test_index_is_stopped_by_a_reason_that_holds_a_nul(node: TestNode) -> None:
    with node.context.services.database.writing() as connection:
        node_state.put_value(connection, node_state.INDEX_HALTED, "an answer with \0 in it")
    with node.context.services.database.reading() as connection:
        reason = node_state.find_value(connection, node_state.INDEX_HALTED)
        assert connection.execute(sa.select(1)).scalar_one() == 1
    assert reason == "an answer with \\x00 in it"

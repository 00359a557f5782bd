"""Files sent by both clients, once or again, and what is reported of them."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import anyio
import httpx
import pytest

from cityledger.client import AssertionCredentials, AsyncClient, Client, Retries, SiweCredentials
from cityledger.client._sync import import_calls
from cityledger.client.forms.imports import Import, import_params
from cityledger.client.http.uploads import Upload
from cityledger.errors import ConflictError, FieldError, NodeUnreachableError, NotFoundError
from cityledger.formats.options import ImportOptions
from cityledger.store import tables
from support.imports.import_fixture import ndjson
from support.node.chain_facts import ORIGIN
from support.node.node_fixture import TestNode
from support.node.sample_records import TITLE_RECORD

Connect = Callable[[str, str], Client]
Sign = Callable[[str, str], AssertionCredentials | SiweCredentials]
FILE = ndjson(
    [{"id": f"r{n}", "parts": TITLE_RECORD["parts"]} for n in range(3)] + [{"id": "r9", "act": "delete"}]
)


class Piped(io.BytesIO):
    """As stdin: read once."""

    def seekable(self) -> bool:
        return False


def run(node: TestNode) -> None:
    while node.context.imports.turn():
        pass


def test_file_is_sent_followed_and_reported(connect: Connect, node: TestNode) -> None:
    client, sent, seen = connect("LAND", "writer"), [], []  # type: ignore[var-annotated]
    begun = client.start_import(node.land, io.BytesIO(FILE), "ndjson", sent=sent.append)
    assert (begun.state, begun.is_finished, sent[-1]) == ("waiting", False, len(FILE))

    def progress(found: Import) -> None:
        seen.append(found.state)
        run(node)

    done = client.wait_import(begun.id, progress, pause_seconds=0)
    assert seen == ["waiting", "done"]
    assert (done.outcomes["accepted"], done.outcomes["rejected"], done.dataset) == (3, 1, node.land)
    assert [(row.row, row.reason) for row in client.import_rows(begun.id)] == [
        (4, "there is no such record to delete")
    ]
    assert list(client.import_rows(begun.id, "flagged")) == []
    assert client.imports() == (done,)
    repeat = client.start_import(node.land, io.BytesIO(FILE), "ndjson")
    assert (repeat.repeat_of, repeat.rows_done, repeat.is_finished) == (done.id, 0, True)


def test_imports_are_listed_over_pages(
    connect: Connect, node: TestNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(import_calls, "_PAGE_IMPORTS", 2)
    client = connect("LAND", "writer")
    files = [ndjson([{"id": name, "parts": TITLE_RECORD["parts"]}]) for name in "abcde"]
    sent = [client.start_import(node.land, io.BytesIO(data), "ndjson").id for data in files][::-1]

    assert [one.id for one in client.imports()] == sent
    assert [one.id for one in client.imports(None)] == sent
    assert [one.id for one in client.imports(3)] == sent[:3]
    assert [one.id for one in client.imports(4)] == sent[:4]


def test_file_is_sent_from_its_current_position(connect: Connect, node: TestNode) -> None:
    stream = io.BytesIO(b"skipped\n" + FILE)
    stream.readline()
    begun = connect("LAND", "writer").start_import(node.land, stream, "ndjson")
    assert begun.bytes_total == 65_536


def test_a_token_that_was_refused_is_renewed_and_the_file_sent_from_its_beginning(
    connect: Connect, node: TestNode
) -> None:
    client = connect("LAND", "writer")
    client.whoami()
    node.execute(tables.token.delete())
    begun = client.start_import(node.land, io.BytesIO(FILE), "ndjson")
    assert begun.bytes_total == 65_536


def test_what_can_be_read_only_once_is_not_sent_in_half(connect: Connect, node: TestNode) -> None:
    client = connect("LAND", "writer")
    assert client.start_import(node.land, Piped(FILE), "ndjson").bytes_total == 65_536
    upload = Upload(Piped(FILE))
    upload.begin()
    with pytest.raises(ConflictError, match="only once"):
        upload.begin()


@pytest.mark.parametrize(("kind", "times"), [(io.BytesIO, 3), (Piped, 1)], ids=["a file", "a pipe"])
def test_request_with_a_lost_answer_is_repeated_only_if_the_file_can_be_read_again(
    node: TestNode, credentials: Sign, kind: Callable[[bytes], io.BytesIO], times: int
) -> None:
    inner, bodies = node.client._transport, []

    class Lossy(httpx.BaseTransport):
        def handle_request(self, request: httpx.Request) -> httpx.Response:
            if not request.url.path.endswith("/imports"):
                return inner.handle_request(request)
            bodies.append(request.read())
            if len(bodies) < 3:
                raise httpx.ReadError("gone")
            return inner.handle_request(request)

    client = Client(
        ORIGIN,
        credentials("LAND", "writer"),
        now=node.time.seconds,
        retries=Retries(first_pause_seconds=0.001),
        transport=Lossy(),
    )
    if times == 1:
        with pytest.raises(NodeUnreachableError):
            client.start_import(node.land, kind(FILE), "ndjson")
    else:
        client.start_import(node.land, kind(FILE), "ndjson")
    assert bodies == [FILE] * times


def test_refusals_come_as_typed_errors(connect: Connect, node: TestNode) -> None:
    client = connect("LAND", "writer")
    with pytest.raises(FieldError) as caught:
        client.start_import(node.land, io.BytesIO(FILE), "fhir")
    assert caught.value.field == "format"
    with pytest.raises(NotFoundError):
        client.get_import("0" * 32)


def test_options_are_said_as_the_node_reads_them() -> None:
    options = ImportOptions(
        observed_at="2026-01-01T00:00Z",
        capacity=0,
        upsert=True,
        columns={"id": "号"},
        skip_columns=("备注", "x"),
    )
    assert import_params("csv", options, dry_run=True) == {
        "format": "csv",
        "observedAt": "2026-01-01T00:00Z",
        "capacity": "0",
        "upsert": "true",
        "columns": '{"id": "号"}',
        "skipColumns": '["备注", "x"]',
        "dryRun": "true",
    }
    assert import_params("csv", ImportOptions(), dry_run=False) == {"format": "csv"}


def test_async_client_sends_and_follows_files(node: TestNode, credentials: Sign, tmp_path: Path) -> None:
    file = tmp_path / "rows.ndjson"
    file.write_bytes(FILE)

    async def story() -> tuple[Import, list[int]]:
        transport = httpx.ASGITransport(app=node.client.app)
        signed = credentials("LAND", "writer")
        async with AsyncClient(ORIGIN, signed, now=node.time.seconds, transport=transport) as client:
            with file.open("rb") as stream:
                begun = await client.start_import(node.land, stream, "ndjson")
            await anyio.to_thread.run_sync(run, node)
            done = await client.wait_import(begun.id)
            return done, [row.row async for row in client.import_rows(begun.id)]

    done, rows = anyio.run(story)
    assert (done.outcomes["accepted"], rows) == (3, [4])

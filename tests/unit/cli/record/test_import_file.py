"""``cityledger record import`` against a whole node in this process, whose loop of imports runs alongside."""

from __future__ import annotations

import functools
import gzip
import io
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cityledger.cli.main import run
from cityledger.client._sync import client as client_module
from cityledger.client._sync.connection import Connection
from cityledger.client._sync.import_calls import ImportCalls
from cityledger.client.http.retries import NO_RETRIES
from cityledger.formats import registry
from support.node.chain_facts import ORIGIN
from support.node.node_fixture import TestNode, make_node
from support.node.sample_records import TITLE_RECORD

DATASET = "LAND/registration/real-estate/titles"
TITLE = json.dumps(TITLE_RECORD["parts"]["title"])
GOOD = '{"id": "many-%d", "parts": {"title": ' + TITLE + "}}"
LINES = [GOOD % 1, '{"id": "many-2", "parts": {"title": {"uid": 7}}}', "", "nonsense", GOOD % 5]


class Shell:
    """Runs command lines as a writer of the land agency."""

    def __init__(self, node: TestNode, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.node, self.folder, self._capsys = node, folder, capsys
        self.errors = ""

    def __call__(self, *arguments: str, code: int = 0) -> str:
        ended = run([*arguments, "--node", ORIGIN, "--token", self.node.token("LAND", "writer")])
        output = self._capsys.readouterr()
        self.errors = output.err
        assert ended == code, output.err + output.out
        return output.out

    def json(self, *arguments: str, code: int = 0) -> Any:
        return json.loads(self(*arguments, "--json", code=code))

    def import_(self, data: str | bytes, *arguments: str, code: int = 0) -> Any:
        (self.folder / "file").write_bytes(data.encode() if isinstance(data, str) else data)
        file = str(self.folder / "file")
        return self.json("record", "import", DATASET, file, "--format", "ndjson", *arguments, code=code)


@pytest.fixture
def shell(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Shell]:
    node = make_node(tmp_path)
    stop = threading.Event()
    loop = threading.Thread(target=node.context.imports.run, args=(stop,))
    loop.start()
    inside = functools.partial(Connection, transport=node.client._transport)
    monkeypatch.setattr(
        client_module,
        "Connection",
        lambda url, **given: inside(url, timeout_seconds=given["timeout_seconds"], retries=NO_RETRIES),
    )
    yield Shell(node, tmp_path, capsys)
    stop.set()
    node.context.imports.wake()
    loop.join()
    node.close()


def test_rows_that_are_refused_are_told_and_the_others_written(shell: Shell) -> None:
    job = shell.import_("\n".join(LINES), code=1)

    assert (job["state"], job["outcomes"]["accepted"], job["outcomes"]["rejected"]) == ("done", 2, 2)
    assert [(one["row"], one["field"]) for one in job["rows"]["rejected"]] == [
        (2, "parts.title.uid"),
        (4, ""),
    ]


def test_tables_tell_outcomes_and_reasons_and_each_rejected_row(shell: Shell) -> None:
    (shell.folder / "file").write_text("\n".join(LINES))

    output = shell("record", "import", DATASET, str(shell.folder / "file"), "--format", "ndjson", code=1)

    assert "accepted" in output
    assert "Expecting value at line 1, column 1" in output
    assert "row 2: parts.title.uid: " in shell.errors
    assert "row 4: the whole row: " in shell.errors


def test_the_same_file_packed_or_not_is_the_same_import(shell: Shell) -> None:
    first, again = shell.import_(GOOD % 1), shell.import_(gzip.compress((GOOD % 1).encode()))

    assert (again["repeatOf"], again["outcomes"]["accepted"]) == (first["id"], 0)
    assert again["note"] == f"repeat of import {first['id']}: nothing written"
    output = shell("record", "import", "--status", again["id"])
    assert again["note"] in shell.errors
    assert "accepted" not in output


def test_a_dry_run_writes_nothing_and_is_another_import(shell: Shell) -> None:
    dry = shell.import_(GOOD % 1, "--dry-run")
    assert (dry["dryRun"], dry["outcomes"]["accepted"]) == (True, 1)
    assert shell.node.row_counts()["record_version"] == 0

    assert shell.import_(GOOD % 1)["outcomes"]["accepted"] == 1
    assert shell.node.row_counts()["record_version"] == 1


def test_stdin_is_sent_as_it_comes(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    class Piped(io.BytesIO):
        def seekable(self) -> bool:
            return False

    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(Piped((GOOD % 1).encode())))
    job = shell.json("record", "import", DATASET, "-", "--format", "ndjson")
    assert job["outcomes"]["accepted"] == 1


def test_ctrl_c_leaves_the_import_running_and_says_how_to_look_again(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    (shell.folder / "file").write_text(GOOD % 1)
    with monkeypatch.context() as patch:
        patch.setattr(ImportCalls, "wait_import", interrupted)
        shell("record", "import", DATASET, str(shell.folder / "file"), "--format", "ndjson", code=1)
    command = shell.errors.strip().rpartition(": ")[2].split()

    assert command[:4] == ["cityledger", "record", "import", "--resume"]
    assert shell.json(*command[1:])["outcomes"]["accepted"] == 1


def test_the_format_is_asked_for_and_those_of_the_profile_are_listed(shell: Shell) -> None:
    file = shell.folder / "file"
    file.write_text(GOOD % 1)
    shell("record", "import", DATASET, str(file), "--profile", "property", code=2)
    assert "hmlr-price-paid" in shell.errors
    assert "birmingham" not in shell.errors
    shell("record", "import", DATASET, str(file), "--profile", "property", "--format", "fhir", code=2)
    shell("record", "import", DATASET, str(file), "--profile", "people", code=2)
    shell("record", "import", DATASET, str(file), code=2)
    shell("record", "import", code=2)
    shell("record", "import", DATASET, str(file), "--format", "csv", "--column", "id", code=2)


def test_a_file_of_another_format_stops_the_import_with_the_reason(shell: Shell) -> None:
    (shell.folder / "file").write_text("name,uid\nx,y\n")
    shell("record", "import", DATASET, str(shell.folder / "file"), "--format", "csv", code=1)
    assert "stopped: header: missing column 'id'" in shell.errors


def test_a_column_is_left_out_as_the_refusal_says(shell: Shell) -> None:
    (shell.folder / "file").write_text("id,colour,备注\n")
    sent = ("record", "import", DATASET, str(shell.folder / "file"), "--format", "csv")
    shell(*sent, code=1)
    assert "(--skip-column NAME)" in shell.errors
    job = shell.json(*sent, "--skip-column", "colour", "--skip-column", "备注")
    assert (job["state"], job["options"]) == ("done", {"skipColumns": ["colour", "备注"]})


def test_an_option_that_the_format_does_not_take_is_refused(shell: Shell) -> None:
    (shell.folder / "file").write_text(GOOD % 1)
    file = str(shell.folder / "file")
    shell("record", "import", DATASET, file, "--format", "ndjson", "--timezone", "Asia/Shanghai", code=2)
    assert "timezone: format ndjson does not support this" in shell.errors


def test_help_lists_every_format(shell: Shell) -> None:
    output = shell("record", "import", "--help")
    assert [name for name in registry.names() if name not in output] == []

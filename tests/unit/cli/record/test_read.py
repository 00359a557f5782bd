"""``cityledger record``, ``whoami``, ``token`` and ``verify`` against a whole node in this process."""

from __future__ import annotations

import functools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cityledger.cli.main import run
from cityledger.cli.record import wait
from cityledger.client._sync import client as client_module
from cityledger.client._sync import record_calls
from cityledger.client._sync.connection import Connection
from cityledger.client.http.retries import NO_RETRIES
from support.node.chain_facts import ORIGIN
from support.node.node_fixture import TestNode, make_node
from support.node.sample_records import TITLE_RECORD, TREATMENT_RECORD

TITLE = json.dumps(TITLE_RECORD["parts"]["title"]).replace("61.5", "61.50")
DATASET = "LAND/registration/real-estate/titles"
OWN = ["--purpose", "OWN_DUTY"]


class Shell:
    """Runs command lines as one of the node's officers."""

    def __init__(self, node: TestNode, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.node, self.folder, self._capsys = node, folder, capsys
        self.errors = ""
        self.role = "reader"
        self.agency = "LAND"

    def __call__(self, *arguments: str, code: int = 0, role: str | None = None) -> str:
        token = self.node.token(self.agency, role or self.role)
        ended = run([*arguments, "--node", ORIGIN, "--token", token])
        output = self._capsys.readouterr()
        self.errors = output.err
        assert ended == code, output.err + output.out
        return output.out

    def json(self, *arguments: str, role: str | None = None, code: int = 0) -> Any:
        return json.loads(self(*arguments, "--json", role=role, code=code))

    def file(self, name: str, text: str) -> str:
        (self.folder / name).write_text(text)
        return str(self.folder / name)


@pytest.fixture
def shell(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Shell]:
    node = make_node(tmp_path)
    inside = functools.partial(Connection, transport=node.client._transport)
    monkeypatch.setattr(
        client_module,
        "Connection",
        lambda url, **given: inside(url, timeout_seconds=given["timeout_seconds"], retries=NO_RETRIES),
    )
    yield Shell(node, tmp_path, capsys)
    node.close()


def put(shell: Shell, name: str = "title-1") -> Any:
    file = shell.file("title.json", '{"parts": {"title": ' + TITLE + "}}")
    return shell.json("record", "put", DATASET, name, file, role="writer")


def test_put_tells_where_the_version_stands(shell: Shell) -> None:
    assert put(shell).keys() == {"record", "version", "log", "seq", "leafHash"}
    assert put(shell)["version"] == 2


def test_attachments_come_from_files_and_go_into_files(shell: Shell) -> None:
    scan, back = shell.folder / "deed.pdf", shell.folder / "back.pdf"
    scan.write_bytes(b"%PDF " + bytes(400_000))
    file = shell.file("title.json", '{"parts": {"title": ' + TITLE + "}}")
    attach = ["--attach", f"attachment={scan}"]

    shell("record", "put", DATASET, "title-1", file, *attach, role="writer")
    record = shell.json("record", "get", DATASET, "title-1", *OWN)
    into = ["--part", "attachment", "--output", str(back)]
    written = shell.json("record", "get", DATASET, "title-1", *OWN, *into)

    assert record["attachments"] == {"attachment": None}
    assert written == {"part": "attachment", "bytes": 400_005, "file": str(back)}
    assert back.read_bytes() == scan.read_bytes()


@pytest.mark.parametrize("attach", ["attachment", "=x", "attachment=", "attachment=none.pdf"])
def test_put_refuses_an_attachment_of_another_form(shell: Shell, attach: str) -> None:
    file = shell.file("title.json", "{}")

    shell("record", "put", DATASET, "title-1", file, "--attach", attach, role="writer", code=2)


def test_withdraw_ends_the_record_and_the_history_tells_it(shell: Shell) -> None:
    put(shell)
    ended = shell.json("record", "withdraw", DATASET, "title-1", "--expected", "1", role="writer")
    assert ended.keys() == {"record", "version", "log", "seq", "leafHash"}
    shell("record", "get", DATASET, "title-1", *OWN, code=1)
    history = shell.json("record", "history", DATASET, "title-1", *OWN)
    assert [one["withdrawn"] for one in history] == [False, True]
    shell("record", "withdraw", DATASET, "title-1", role="writer", code=1)
    assert put(shell)["version"] == 3


def test_get_prints_payloads_as_they_were_written(shell: Shell) -> None:
    put(shell)
    output = shell("record", "get", DATASET, "title-1", *OWN, "--json")
    assert "61.50" in output
    assert json.loads(output).keys() == {"record", "version", "subjects", "receipts", "parts"}
    assert shell("record", "get", DATASET, "title-1", *OWN, "--part", "title", "--raw") == TITLE
    assert "part title" in shell("record", "get", DATASET, "title-1", *OWN)


def test_dataset_may_be_named_by_its_id(shell: Shell) -> None:
    put(shell)
    shell("record", "get", "0x" + shell.node.land.hex(), "title-1", *OWN)
    shell("record", "get", "LAND/no/such/dataset", "title-1", *OWN, code=1)
    assert "no such dataset" in shell.errors


def test_put_and_get_fhir_as_it_is(shell: Shell) -> None:
    shell.agency = "HEALTH"
    text = '{"resourceType": "Patient",  "name": [{"text": "王秀英"}]}'
    place = "0x" + shell.node.health.hex()
    shell("record", "put", place, "visit-1", shell.file("patient.json", text), "--fhir", role="writer")
    assert shell("record", "get", place, "visit-1", *OWN, "--fhir") == text
    shell("record", "get", place, "visit-1", *OWN, "--fhir", "--json", code=2)
    wrong = shell.file("wrong.json", text.replace("name", "nome"))
    shell("record", "put", place, "visit-1", wrong, "--fhir", role="writer", code=2)
    assert "resource.nome" in shell.errors


def test_find_takes_a_business_identifier(shell: Shell) -> None:
    identifiers = {"identifier": [{"system": "http://hospital.example/visits", "value": "V|1"}]}
    summary = {**TREATMENT_RECORD["parts"]["summary"], **identifiers}
    record = shell.node.put(shell.node.health, "visit-1", {"parts": {"summary": summary}})["record"]
    find = ("record", "find", "0x" + shell.node.health.hex(), "--purpose", "TREATMENT", "--identifier")
    assert [one["record"] for one in shell.json(*find, "http://hospital.example/visits|V|1")] == [record]
    assert shell.json(*find, "http://hospital.example/visits|V") == []


def test_find_lists_the_records_of_every_page(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(record_calls, "_FOUND_PAGE", "2")
    subject = TREATMENT_RECORD["subjects"][0]
    records = {shell.node.put(shell.node.health, f"v-{n}", TREATMENT_RECORD)["record"] for n in range(3)}
    find = ("record", "find", "0x" + shell.node.health.hex(), "--purpose", "TREATMENT", "--subject", subject)

    assert [one["record"] for one in shell.json(*find)] == sorted(records)


def test_exit_codes_say_denied_usage_and_error(shell: Shell) -> None:
    shell("record", "get", DATASET, "title-1", *OWN, role="writer", code=3)
    assert "denied by rule 2 (code 21)" in shell.errors
    shell("record", "get", DATASET, "title-9", *OWN, code=1)
    shell("record", "get", DATASET, "title-9", code=2)
    shell("record", "get", DATASET, "title-9", *OWN, "--raw", code=2)
    shell("record", "find", DATASET, *OWN, code=2)
    shell("record", "find", DATASET, *OWN, "--id", "title-1", "--identifier", "s|v", code=2)
    shell("record", "find", DATASET, *OWN, "--identifier", "only-a-value", code=2)
    shell("record", "put", DATASET, code=2, role="writer")
    shell("record", "erase", DATASET, "title-1", "--reason", "boredom", "--yes", code=2, role="writer")


def test_history_and_proof_and_verify(shell: Shell) -> None:
    put(shell)
    assert shell.json("record", "history", DATASET, "title-1", *OWN)[0]["state"] == "open"
    shell.node.anchor_all()
    assert shell.json("record", "history", DATASET, "title-1", *OWN)[0]["state"] in ("mined", "final")
    out = shell.folder / "title.proof.json"
    shell("record", "proof", DATASET, "title-1", *OWN, "--out", str(out))
    assert run(["verify", str(out), "--json"]) == 0
    out.write_bytes(out.read_bytes().replace(b'"version": 1', b'"version": 2'))
    assert run(["verify", str(out)]) == 4
    assert run(["verify", str(out), "--rpc", "http://chain.test"]) == 2
    assert run(["verify", str(shell.folder / "missing")]) == 1


def test_proof_with_openings_checks_a_payload(shell: Shell) -> None:
    put(shell)
    shell.node.anchor_all()
    out = shell.folder / "title.proof.json"
    shell("record", "proof", DATASET, "title-1", *OWN, "--out", str(out), "--with-openings")
    assert "--payload PART=FILE" in shell.errors
    payload = shell("record", "get", DATASET, "title-1", *OWN, "--part", "title", "--raw")
    good, bad = shell.file("good.json", payload), shell.file("bad.json", payload + " ")
    assert run(["verify", str(out), "--payload", f"title={good}"]) == 0
    assert run(["verify", str(out), "--payload", f"title={bad}"]) == 4


def test_proof_waits_when_asked_to(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    put(shell)
    shell("record", "proof", DATASET, "title-1", *OWN, code=1)
    assert "--wait waits for it" in shell.errors
    monkeypatch.setattr(
        wait.fetch_when_anchored,
        "__kwdefaults__",
        {"now": lambda: 0.0, "sleep": lambda _seconds: shell.node.anchor_all()},
    )
    out = shell("record", "proof", DATASET, "title-1", *OWN, "--wait", "1m")
    assert json.loads(out)["format"].startswith("cityledger-proof/")
    assert "waiting" in shell.errors


def test_an_id_with_a_slash_is_refused_before_anything_is_sent(shell: Shell) -> None:
    file = shell.file("title.json", '{"parts": {"title": ' + TITLE + "}}")
    shell("record", "put", DATASET, "a/b", file, role="writer", code=2)
    assert "must be one segment of a URL" in shell.errors
    shell("record", "find", DATASET, *OWN, "--id", "a/b", code=2)


def test_datasets_have_short_names_in_the_settings(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    shell.file("cityledger.toml", f'[client.datasets]\ntitles = "{DATASET}"\n')
    monkeypatch.setenv("CITYLEDGER_FOLDER", str(shell.folder))
    put(shell)
    assert shell.json("record", "history", "titles", "title-1", *OWN)[0]["version"] == 1


def test_erase_asks_first_and_leaves_tombstones(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    put(shell)
    monkeypatch.setattr("typer.confirm", lambda *_a, **_k: pytest.fail("asked despite --yes"))
    rows = shell.json("record", "erase", DATASET, "title-1", "--reason", "duty", "--yes", role="writer")
    assert [row.keys() for row in rows] == [{"log", "seq", "leafHash"}]
    shell("record", "get", DATASET, "title-1", *OWN, code=1)


def test_restrict_goes_to_the_steward_desk(shell: Shell) -> None:
    put(shell)
    mined = shell.json("record", "restrict", DATASET, "title-1", "--consumer", "1", role="steward")
    assert mined["state"] == "mined"
    shell("record", "restrict", DATASET, "title-1", role="reader", code=3)


def test_whoami_tells_the_session(shell: Shell) -> None:
    session = shell.json("whoami")
    assert (session["agency"], session["role"]) == (2, "reader")


def test_errors_in_json_name_kind_and_field(shell: Shell) -> None:
    file = shell.file("bad.json", '{"parts": {"title": {"uid": 7}}}')
    shell("record", "put", DATASET, "t", file, "--json", role="writer", code=2)
    error = json.loads(shell.errors)
    assert (error["error"], error["field"]) == ("PayloadError", "parts.title.uid")


def test_audit_export_is_verified_without_the_node(shell: Shell) -> None:
    put(shell)
    for _ in range(3):
        shell("record", "get", DATASET, "title-1", *OWN)
    shell.node.anchor_all()
    out = shell.folder / "reads.ndjson"
    summary = shell.json("audit", "export", str(out))
    assert (summary["reads"], summary["proofs"]) == (3, 3)
    assert not out.with_name(out.name + ".part").exists()
    assert run(["audit", "verify", str(out), "--json"]) == 0
    out.write_bytes(out.read_bytes().replace(b'"officer":"reader-1"', b'"officer":"reader-2"', 1))
    assert run(["audit", "verify", str(out)]) == 4
    assert run(["audit", "verify", str(out), "--rpc", "http://chain.test"]) == 2
    assert run(["audit", "verify", str(shell.folder / "missing")]) == 1


def test_audit_export_leaves_nothing_half_written(shell: Shell) -> None:
    out = shell.folder / "reads.ndjson"
    assert run(["audit", "export", str(out), "--node", ORIGIN, "--token", "unknown"]) == 3
    assert list(shell.folder.glob("reads.ndjson*")) == []

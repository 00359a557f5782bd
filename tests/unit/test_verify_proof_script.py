"""scripts/verify_proof.py, which shares no code with the package, agrees with it on every vector."""

from __future__ import annotations

import ast
import concurrent.futures
import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from support.script_modules import load_script
from support.vector_files import REPOSITORY, VECTORS, unhex

Files = dict[str, tuple[dict[str, Any], Path]]
"""Vectors and their files, by the vector's name."""

SCRIPT = REPOSITORY / "scripts" / "verify_proof.py"


def run(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-I", SCRIPT, *map(str, arguments)],
        capture_output=True,
        encoding="utf-8",
        timeout=60,
    )


def file_bytes(vector: dict[str, Any]) -> bytes:
    if "fileHex" in vector:
        return unhex(vector["fileHex"])
    text: str = vector["file"]
    return text.encode("utf-8", "surrogatepass").ljust(vector.get("padTo", 0))


@pytest.fixture(scope="module")
def proofs(tmp_path_factory: pytest.TempPathFactory) -> Files:
    """The vectors as files, by name."""
    folder, found = tmp_path_factory.mktemp("proofs"), {}
    for number, vector in enumerate(json.loads((VECTORS / "proof_files.json").read_bytes())["vectors"]):
        file = folder / f"{number}.json"
        file.write_bytes(file_bytes(vector))
        found[vector["name"]] = (vector, file)
    return found


def test_script_agrees_with_the_sdk_on_every_vector(proofs: Files) -> None:
    """The SDK's answers are in test_proof_file.py; both are held to the vectors' ``expect``."""
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        results = list(pool.map(lambda item: (item[0], run(item[1])), proofs.values()))
    wrong = [
        (vector["name"], result.returncode, result.stderr)
        for vector, result in results
        if result.returncode != {"ok": 0, "refuse": 4}[vector["expect"]] or "Traceback" in result.stderr
    ]
    assert not wrong


def test_script_checks_payloads(proofs: Files, tmp_path: Path) -> None:
    _, file = proofs["record leaf with openings"]
    payload = tmp_path / "payload"
    payload.write_bytes(b"payload of summary")
    assert run(file, "--payload", f"summary={payload}").returncode == 0
    assert run(file, "--payload", f"影像={payload}").returncode == 4
    assert run(file, "--payload", f"notes={payload}").returncode == 4
    assert run(proofs["receipt leaf"][1], "--payload", f"summary={payload}").returncode == 4


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["missing.json"],
        ["x", "--payload", "summary"],
        ["x", "--rpc", "http://localhost"],
        ["x", "--ledger", "0x" + "00" * 20],
        ["x", "--rpc", "file:///etc/hosts", "--ledger", "0x" + "00" * 20],
        ["x", "--rpc", "http://localhost", "--ledger", "0x12"],
    ],
)
def test_script_exits_with2_on_wrong_usage(arguments: list[str]) -> None:
    assert run(*arguments).returncode == 2


def test_help_teaches_the_levels_and_exit_status() -> None:
    text = run("--help").stdout
    for word in ("path only", "anchored", "--payload", "never from the file", "0 verified", "4 not verified"):
        assert word in text


def test_script_imports_the_standard_library_only_and_stays_short() -> None:
    text = SCRIPT.read_text("utf-8")
    imported = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            imported |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            imported.add((node.module or "").split(".")[0])
    assert imported <= sys.stdlib_module_names
    assert len(text.splitlines()) <= 320


class Node:
    """The answers of a JSON-RPC endpoint whose ledger has anchored one proof's batch."""

    CATALOG = 0xCA7

    def __init__(self, script: ModuleType, proof: dict[str, Any], kind: int) -> None:
        tree, agency, instance = proof["tree"], 3, int.from_bytes(proof["leaf"]["instance"], "big")
        word = int.from_bytes(script.keccak(tree["root"] + tree["count"].to_bytes(32, "big")), "big")
        self.chain_id = proof["anchor"]["chainId"]
        self.answers = {
            "instance()": [instance],
            "batchAt(uint64,uint64)": [word],
            "logOf(uint64)": [agency, kind, 0, 9, 1],
            "catalog()": [self.CATALOG],
            "standing(bytes32)": [agency, 1],
        }
        self._names = {script.keccak(name.encode())[:4].hex(): name for name in self.answers}

    def is_log_call(self, method: str, params: Sequence[Any]) -> bool:
        return method == "eth_call" and self._names[params[0]["data"][2:10]] == "logOf(uint64)"

    def ask(self, url: str, method: str, *params: Any) -> str:
        if method == "eth_chainId":
            return hex(self.chain_id)
        name = self._names[params[0]["data"][2:10]]
        return "0x" + "".join(f"{word:064x}" for word in self.answers[name])


@pytest.fixture(scope="module")
def script() -> ModuleType:
    return load_script("verify_proof")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({}, None),
        ({"instance()": [1]}, "another deployment"),
        ({"batchAt(uint64,uint64)": [0]}, "no such batch"),
        ({"batchAt(uint64,uint64)": [1]}, "no such batch"),
        ({"logOf(uint64)": [3, 2, 0, 9, 1]}, "another kind"),
        ({"logOf(uint64)": [0, 0, 0, 0, 0]}, "another kind"),
        ({"logOf(uint64)": [4, 1, 0, 9, 1]}, "not the dataset's provider's"),
        ({"standing(bytes32)": [0, 0]}, "not the dataset's provider's"),
    ],
)
def test_check_anchor_asks_what_the_spec_says(
    script: ModuleType,
    proofs: Files,
    monkeypatch: pytest.MonkeyPatch,
    change: dict[str, Any],
    reason: str | None,
) -> None:
    proof = script.load(proofs["record leaf with openings"][1].read_bytes())
    node = Node(script, proof, 1)
    node.answers |= change
    monkeypatch.setattr(script, "ask", node.ask)
    ledger = "0x" + proof["anchor"]["ledger"].hex()
    if reason is None:
        script.check_anchor(proof, "http://node", ledger)
        return
    with pytest.raises(script.NotVerifiedError, match=reason):
        script.check_anchor(proof, "http://node", ledger)


@pytest.mark.parametrize(("agency", "reason"), [(3, None), (4, "log of another agency")])
def test_check_erased_asks_whose_log_a_tombstone_is_in(
    script: ModuleType, proofs: Files, monkeypatch: pytest.MonkeyPatch, agency: int, reason: str | None
) -> None:
    erased = script.load(proofs["record leaf without openings"][1].read_bytes())
    tombstone = script.load(proofs["tombstone"][1].read_bytes())  # of that very leaf
    node = Node(script, erased, 1)
    ledger = "0x" + erased["anchor"]["ledger"].hex()
    places = []

    def ask(url: str, method: str, *params: Any) -> str:
        if node.is_log_call(method, params):
            places.append(params)
            if len(places) == 2:  # first of the erased leaf in check_anchor, then of the tombstone
                node.answers["logOf(uint64)"][0] = agency
            elif len(places) == 3:
                node.answers["logOf(uint64)"][0] = 3
        return node.ask(url, method, *params)

    monkeypatch.setattr(script, "ask", ask)
    if reason is None:
        script.check_erased(tombstone, erased, "http://node", ledger)
        return
    with pytest.raises(script.NotVerifiedError, match=reason):
        script.check_erased(tombstone, erased, "http://node", ledger)


def test_script_checks_the_erased_leaf_of_a_tombstone_only(proofs: Files) -> None:
    tombstone, erased = proofs["tombstone"][1], proofs["record leaf without openings"][1]
    assert run(tombstone, "--erased", erased).returncode == 0
    assert run(tombstone, "--erased", proofs["record leaf with openings"][1]).returncode == 4
    assert run(erased, "--erased", erased).returncode == 4


def test_check_anchor_refuses_a_ledger_or_chain_that_the_file_chose(
    script: ModuleType, proofs: Files, monkeypatch: pytest.MonkeyPatch
) -> None:
    proof = script.load(proofs["receipt leaf"][1].read_bytes())
    node = Node(script, proof, 2)
    monkeypatch.setattr(script, "ask", node.ask)
    ledger = "0x" + proof["anchor"]["ledger"].hex()
    script.check_anchor(proof, "http://node", ledger)
    with pytest.raises(script.NotVerifiedError, match="another chain or ledger"):
        script.check_anchor(proof, "http://node", "0x" + "00" * 20)
    node.chain_id += 1
    with pytest.raises(script.NotVerifiedError, match="another chain or ledger"):
        script.check_anchor(proof, "http://node", ledger)

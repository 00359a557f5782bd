"""scripts/verify_receipt.py, which shares no code with the package, agrees with it on receipts and rules."""

from __future__ import annotations

import random
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from cityledger.client.releases.decision import verify_decision
from cityledger.errors import CityledgerError
from cityledger.policy.facts import FACT_COUNT
from cityledger.policy.rules import decide_facts
from cityledger.proofs.proof_file import format_proof
from cityledger.proofs.receipts import SignedReceipt, verify_possible
from cityledger.proofs.signatures import recover_signer
from cityledger.types import Action, AgencyId, Kem, LeafHash
from support.script_modules import load_script
from support.store.receipt_files import (
    DOMAIN,
    EVIL,
    INSTANCE,
    LEDGER,
    OPERATOR,
    PROVIDER,
    RECEIPT,
    STRANGER,
    chained,
    proofs_of,
    receipt_file,
)
from support.vector_files import REPOSITORY

SCRIPT = REPOSITORY / "scripts" / "verify_receipt.py"


@pytest.fixture(scope="module")
def script() -> ModuleType:
    return load_script("verify_receipt")


def files(folder: Path, one: SignedReceipt) -> list[str]:
    (proof,) = proofs_of([one])
    (folder / "proof.json").write_bytes(format_proof(proof))
    (folder / "receipt.json").write_bytes(receipt_file(one))
    return [str(folder / "proof.json"), str(folder / "receipt.json")]


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-I", str(SCRIPT), *arguments]
    return subprocess.run(command, capture_output=True, encoding="utf-8", timeout=60)


def test_a_receipt_and_its_proof_agree(tmp_path: Path) -> None:
    done = run(*files(tmp_path, chained([RECEIPT])[0]))
    assert (done.returncode, "path only" in done.stdout) == (0, True), done.stderr


@pytest.mark.parametrize(
    "change",
    [
        {"represents": AgencyId(9)},
        {"artefact_id": b"a" * 32},
        {"code": 40},
        {"permit": False},
        {"facts": 0},
        {"facts": RECEIPT.facts | 1 << FACT_COUNT},
        {"version": 0},
        {"record_leaf": LeafHash(bytes(32))},
        {
            "version": 0,
            "record_leaf": LeafHash(bytes(32)),
            "kem": Kem.X25519,
            "sealing_key_digest": b"k" * 32,
        },
    ],
    ids=lambda change: "+".join(change),
)
def test_what_no_decision_gives_is_refused(tmp_path: Path, change: dict[str, Any]) -> None:
    receipt = replace(RECEIPT, **change)
    with pytest.raises(CityledgerError):
        verify_possible(receipt)
        verify_decision(receipt)
    assert run(*files(tmp_path, chained([receipt])[0])).returncode == 4


def test_another_receipt_is_refused(tmp_path: Path) -> None:
    proof, receipt = files(tmp_path, chained([RECEIPT])[0])
    Path(receipt).write_bytes(receipt_file(chained([replace(RECEIPT, officer="x")])[0]))
    assert run(proof, receipt).returncode == 4


def test_rules_are_those_of_the_package(script: ModuleType) -> None:
    pick = random.Random(8)
    words = [pick.getrandbits(FACT_COUNT) for _ in range(5_000)] + [1 << bit for bit in range(FACT_COUNT)]
    full = (1 << FACT_COUNT) - 1
    words += [full & ~(1 << bit) for bit in range(FACT_COUNT)] + [RECEIPT.facts ^ 1 << b for b in range(21)]
    assert [script.decide(word) for word in words] == [decide_facts(word) for word in words]
    assert (FACT_COUNT, max(Action)) == (script.FACT_BITS, script.ACTIONS)


class Chain:
    """A JSON-RPC endpoint whose ledger has anchored one receipt's batch."""

    def __init__(self, script: ModuleType, one: SignedReceipt, agency: int, provider: int) -> None:
        base, (proof,) = script.base, proofs_of([one])
        word = base.keccak(proof.tree.root + proof.tree.count.to_bytes(32, "big"))
        answers = {
            "instance()": [int.from_bytes(INSTANCE, "big")],
            "batchAt(uint64,uint64)": [int.from_bytes(word, "big")],
            "logOf(uint64)": [agency, 2, 0, 9, 1],
            "catalog()": [0xCA7],
            "standing(bytes32)": [provider, 1],
        }
        self._answers = {base.keccak(name.encode())[:4].hex(): words for name, words in answers.items()}
        self.operators = [(10, OPERATOR.address)]

    def ask(self, _url: str, method: str, *params: Any) -> Any:
        match method:
            case "eth_chainId":
                return hex(DOMAIN.chain_id)
            case "eth_getBlockByNumber":
                return {"number": hex(90)}
            case "eth_getLogs":
                last = int(params[0]["toBlock"], 16)
                return [
                    {
                        "blockNumber": hex(block),
                        "logIndex": "0x0",
                        "data": "0x" + account[2:].lower().zfill(64),
                    }
                    for block, account in reversed(self.operators)
                    if block <= last
                ]
        call = params[0]
        if int(call["to"], 16) == 1:
            return self._recovered(bytes.fromhex(call["data"][2:]))
        return "0x" + "".join(f"{word:064x}" for word in self._answers[call["data"][2:10]])

    @staticmethod
    def _recovered(data: bytes) -> str:
        signature = data[64:128] + data[63:64]
        return "0x" + recover_signer(data[:32], signature)[2:].lower().zfill(64)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({}, None),
        ({"agency": EVIL}, "not the agency of its log"),
        ({"provider": EVIL}, "not its dataset's"),
        ({"signer": STRANGER}, "not signed by the operator"),
        ({"later": 50}, "not signed by the operator"),
        ({"later": 51}, None),
        ({"opened": 51}, "not signed by the operator"),
        ({"block": 91}, "does not have yet"),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, dict) else str(value),
)
def test_check_chain_asks_whose_receipt_it_is(
    script: ModuleType, monkeypatch: pytest.MonkeyPatch, change: dict[str, Any], reason: str | None
) -> None:
    receipt = replace(RECEIPT, block_number=change.get("block", 50))
    (one,) = chained([receipt], signer=change.get("signer", OPERATOR))
    chain = Chain(script, one, change.get("agency", PROVIDER), change.get("provider", PROVIDER))
    chain.operators = [(change.get("opened", 10), OPERATOR.address)]
    if "later" in change:
        chain.operators.append((change["later"], STRANGER.address))
    monkeypatch.setattr(script.base, "ask", chain.ask)
    proof = script.base.load(format_proof(proofs_of([one])[0]))
    loaded, leaf, digits = script.load(receipt_file(one))
    digest = script.check_leaf(proof, loaded, leaf)
    if reason is None:
        script.check_chain(proof, loaded, digest, digits, "http://node", LEDGER.lower())
        return
    with pytest.raises(script.base.NotVerifiedError, match=reason):
        script.check_chain(proof, loaded, digest, digits, "http://node", LEDGER.lower())


@pytest.mark.parametrize("arguments", [[], ["x", "y", "--rpc", "http://localhost"]])
def test_script_exits_with2_on_wrong_usage(arguments: list[str]) -> None:
    assert run(*arguments).returncode == 2

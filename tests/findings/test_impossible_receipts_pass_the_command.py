"""`cityledger verify --receipt` called a receipt good whose code its facts do not give; SPEC.md §3 says
that it MUST be refused, and scripts/verify_receipt.py did.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from cityledger.cli.main import run
from cityledger.policy.facts import FACT_COUNT
from cityledger.proofs.proof_file import format_proof
from support.store.receipt_files import RECEIPT, chained, proofs_of, receipt_file


def _verify(folder: Path, change: dict[str, Any]) -> int:
    (one,) = chained([replace(RECEIPT, **change)])
    (folder / "proof.json").write_bytes(format_proof(proofs_of([one])[0]))
    (folder / "receipt.json").write_bytes(receipt_file(one))
    return run(["verify", str(folder / "proof.json"), "--receipt", str(folder / "receipt.json")])


def test_a_possible_receipt_passes(tmp_path: Path) -> None:
    assert _verify(tmp_path, {}) == 0


@pytest.mark.parametrize(
    "change",
    [
        {"code": 40},
        {"facts": 0},
        {"facts": RECEIPT.facts | 1 << FACT_COUNT},
    ],
    ids=lambda change: "+".join(change),
)
def test_an_impossible_receipt_is_refused(tmp_path: Path, change: dict[str, Any]) -> None:
    assert _verify(tmp_path, change) == 4

"""Regenerates ``tests/vectors/*.json``: the worked examples, refusals included, that SPEC.md names.

``make vectors`` runs it; the diff must be empty. A set is a list of vectors with ``name``, ``expect`` (ok or
refuse) and ``why``. To add one, write a module in ``scripts/vector_sets`` and name it in ``make_sets``.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))  # a script sees only its own folder

from scripts.vector_sets import (  # noqa: E402
    envelope,
    leaves,
    merkle,
    proof_files,
    receipts,
    release,
    revocations,
    wrap,
)
from scripts.vector_sets.values import Vector  # noqa: E402

VECTORS = ROOT / "tests" / "vectors"


def make_sets() -> dict[str, Iterable[Vector]]:
    """The vectors of each file."""
    return {
        "leaves.json": leaves.make_leaves(),
        "receipts.json": receipts.make_receipts(),
        "merkle.json": merkle.make_merkle(),
        "envelope.json": envelope.make_envelope(),
        "wrap.json": wrap.make_wrap(),
        "release.json": release.make_release(read_stored("release.json")),
        "proof_files.json": proof_files.make_proof_files(),
        "revocations.json": revocations.make_revocations(),
    }


def read_stored(name: str) -> list[Vector]:
    """The current vectors of a file; empty if the file does not exist."""
    file = VECTORS / name
    return list(json.loads(file.read_bytes())["vectors"]) if file.exists() else []


def main() -> None:
    """Writes every file."""
    VECTORS.mkdir(parents=True, exist_ok=True)
    for name, vectors in make_sets().items():
        text = json.dumps({"vectors": list(vectors)}, ensure_ascii=False, indent=1)
        (VECTORS / name).write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

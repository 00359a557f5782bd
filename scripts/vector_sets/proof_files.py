"""Valid proof files, and texts that are not proof files."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import replace

from scripts.vector_sets.leaves import (
    FIRST_RECEIPT_LEAF,
    LEDGER,
    RECEIPT_LEAF,
    RECORD_LEAF,
    SUBJECTS,
    TOMBSTONE,
    part,
)
from scripts.vector_sets.proof_edits import make_edits
from scripts.vector_sets.values import (
    Vector,
    fixed,
    numbered_leaf,
    vector,
)

from cityledger.proofs.leaves import (
    Leaf,
    RecordLeaf,
    leaf_hash,
)
from cityledger.proofs.merkle import Tree
from cityledger.proofs.proof_file import Anchor, PartOpening, Proof, TreePlace, format_proof
from cityledger.sealing.envelope import commitment
from cityledger.types import (
    Address,
)


def proof_of(leaf: Leaf, before: int, after: int, openings: tuple[PartOpening, ...] = ()) -> Proof:
    hashes = [numbered_leaf(i) for i in range(before)] + [leaf_hash(leaf.struct_hash())]
    tree = Tree(hashes + [numbered_leaf(1000 + i) for i in range(after)])
    found = TreePlace(leaf.log, leaf.seq - before, tree.size, before, tree.root, tree.inclusion_proof(before))
    anchor = Anchor(31337, Address(LEDGER), fixed("transaction"), 1234, fixed("anchor block"))
    return Proof(leaf, found, anchor, openings)


def opened_leaf() -> tuple[RecordLeaf, tuple[PartOpening, ...]]:
    parts, openings = [], []
    for bit, name in enumerate(("summary", "影像")):
        openings.append(PartOpening(bit, fixed(f"{name} opening")))
        parts.append(
            replace(part(name), commitment=commitment(openings[bit].opening, f"payload of {name}".encode()))
        )
    return replace(RECORD_LEAF, parts=tuple(parts), subjects=SUBJECTS), tuple(openings)


def make_proof_files() -> Iterable[Vector]:
    leaf, openings = opened_leaf()
    good = {
        "record leaf with openings": proof_of(leaf, 3, 3, openings),
        "record leaf, second opening only": proof_of(leaf, 3, 3, openings[1:]),
        "record leaf without openings": proof_of(RECORD_LEAF, 0, 12),
        "tombstone": proof_of(TOMBSTONE, 5, 0),
        "receipt leaf": proof_of(RECEIPT_LEAF, 2, 70),
        "batch of one": proof_of(FIRST_RECEIPT_LEAF, 0, 0),
    }
    for name, proof in good.items():
        yield vector(name, "ok", "a proof file that holds (path only)", file=format_proof(proof).decode())
    text = format_proof(good["record leaf with openings"]).decode()
    yield vector(
        "count one more",
        "ok",
        "path only: where the shape allows it, only the anchor binds the count",
        file=text.replace('"count": 7', '"count": 8'),
    )
    compact = json.dumps(json.loads(text), separators=(",", ":"))
    yield vector("without white space, escaped", "ok", "JSON is not bytes", file=compact)
    yield vector("64 KB exactly", "ok", "at the limit; spaces follow", file=text, padTo=65_536)
    yield vector("over 64 KB", "refuse", "over the limit; spaces follow", file=text, padTo=65_537)
    lone = format_proof(good["batch of one"]).decode()
    minus_zero = lone.replace('"index": 0', '"index": -0')
    yield vector("-0 as the index", "refuse", "zero has one form", file=minus_zero)
    for name, why, change in make_edits():
        view = json.loads(text)
        change(view)
        yield vector(name, "refuse", why, file=json.dumps(view, ensure_ascii=False, indent=1))
    yield from make_bad_texts(text)


def make_bad_texts(text: str) -> Iterable[Vector]:
    duplicate = text.replace('"count": 7', '"count": 7,\n  "count": 7')
    yield vector("duplicate key", "refuse", "readers differ on which one counts", file=duplicate)
    nested = text.replace('"name": "summary"', '"name": "x",\n    "name": "summary"')
    yield vector("duplicate key in a part", "refuse", "readers differ on which one counts", file=nested)
    exponent = text.replace('"version": 1', '"version": 1e0')
    yield vector("a number with an exponent", "refuse", "integers only", file=exponent)
    minus_zero = text.replace('"part": 0', '"part": -0')
    yield vector("-0 as a part's number", "refuse", "zero has one form", file=minus_zero)
    yield vector("NaN", "refuse", "not JSON", file=text.replace('"version": 1', '"version": NaN'))
    yield vector("a comment", "refuse", "not JSON", file="// proof\n" + text)
    yield vector("something follows", "refuse", "one JSON text", file=text + "{}")
    yield vector("cut off", "refuse", "not JSON", file=text[:-3])
    yield vector("empty", "refuse", "not JSON", file="")
    yield vector("an array", "refuse", "an object", file=f"[{text}]")
    yield vector("nested deep", "refuse", "not a proof", file="[" * 60_000)
    surrogate = text.replace('"name": "summary"', '"name": "\\ud800"')
    yield vector("a lone surrogate", "refuse", "not Unicode text", file=surrogate)
    yield vector("byte-order mark", "refuse", "not JSON", fileHex=b"\xef\xbb\xbf" + text.encode())
    yield vector("not UTF-8", "refuse", "UTF-8 only", fileHex=text.encode("utf-16"))
    yield vector(
        "a byte that is not UTF-8",
        "refuse",
        "UTF-8 only",
        fileHex=text.encode().replace(b"summary", b"summ\xe9ry"),
    )

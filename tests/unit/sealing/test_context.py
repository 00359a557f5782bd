from __future__ import annotations

import json
from typing import Any

import pytest

from cityledger.errors import SealingError
from cityledger.sealing.context import Context, PartKeys, derive_part_keys, hkdf_sha256
from cityledger.types import Aead, DatasetId, RecordId
from support.imports.public_data import public_data
from support.vector_files import load_vectors, unhex

CONTEXT = Context(b"i" * 32, DatasetId(b"d" * 32), RecordId(b"r" * 32), 1)


@pytest.mark.parametrize("vector", load_vectors("envelope.json", "ok"))
def test_derive_part_keys_agrees_with_vectors(vector: dict[str, Any]) -> None:
    context = Context(
        unhex(vector["instance"]),
        DatasetId(unhex(vector["dataset"])),
        RecordId(unhex(vector["record"])),
        vector["version"],
    ).for_part(vector["part"])
    keys = derive_part_keys(unhex(vector["dataKey"]), context, Aead(vector["aead"]))
    assert context == unhex(vector["context"])
    assert keys == PartKeys(unhex(vector["partKey"]), unhex(vector["kc"]), unhex(vector["opening"]))


def test_for_part_differs_with_every_ingredient() -> None:
    others = {
        CONTEXT.for_part("a"),
        CONTEXT.for_part("b"),
        Context(b"x" * 32, CONTEXT.dataset, CONTEXT.record, 1).for_part("a"),
        Context(CONTEXT.instance, DatasetId(b"x" * 32), CONTEXT.record, 1).for_part("a"),
        Context(CONTEXT.instance, CONTEXT.dataset, RecordId(b"x" * 32), 1).for_part("a"),
        Context(CONTEXT.instance, CONTEXT.dataset, CONTEXT.record, 2).for_part("a"),
    }
    assert len(others) == 6


@pytest.mark.parametrize("version", [0, -1, 2**32])
def test_context_refuses_version_out_of_range(version: int) -> None:
    with pytest.raises(SealingError, match="version"):
        Context(CONTEXT.instance, CONTEXT.dataset, CONTEXT.record, version)


def test_context_refuses_short_ids() -> None:
    with pytest.raises(SealingError, match="context record is not 32 bytes"):
        Context(CONTEXT.instance, CONTEXT.dataset, RecordId(b"r" * 31), 1)


def test_repr_of_part_keys_shows_no_key() -> None:
    keys = derive_part_keys(b"k" * 32, b"c" * 32, Aead.AES_256_GCM)
    assert repr(keys) == str(keys) == "PartKeys()"


def test_part_keys_depend_on_the_aead() -> None:
    ours, theirs = (derive_part_keys(b"k" * 32, b"c" * 32, aead) for aead in Aead)
    assert ours.part_key != theirs.part_key
    assert (ours.kc, ours.opening) == (theirs.kc, theirs.opening)


def test_hkdf_sha256_agrees_with_wycheproof() -> None:
    groups = json.loads(public_data("vectors/wycheproof/hkdf_sha256.sample.json").read_bytes())["testGroups"]
    valid = [case for group in groups for case in group["tests"] if case["result"] == "valid"]
    assert valid
    for case in valid:
        ikm, salt, info = (bytes.fromhex(case[name]) for name in ("ikm", "salt", "info"))
        assert hkdf_sha256(ikm, salt, info, case["size"]).hex() == case["okm"]

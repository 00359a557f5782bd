"""``hkdf_sha256`` against Project Wycheproof."""

from __future__ import annotations

import json

from cityledger.sealing.context import hkdf_sha256
from support.imports.public_data import public_data


def test_hkdf_sha256_agrees_with_wycheproof() -> None:
    groups = json.loads(public_data("vectors/wycheproof/hkdf_sha256.sample.json").read_bytes())["testGroups"]
    valid = [case for group in groups for case in group["tests"] if case["result"] == "valid"]
    assert valid
    for case in valid:
        ikm, salt, info = (bytes.fromhex(case[name]) for name in ("ikm", "salt", "info"))
        assert hkdf_sha256(ikm, salt, info, case["size"]).hex() == case["okm"]

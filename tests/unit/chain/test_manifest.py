from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from cityledger.chain.manifest import load_manifest, manifest_json, save_manifest
from cityledger.errors import ConfigurationError
from support.chain.manifests import manifest


def test_save_and_load_give_the_same(tmp_path: Path) -> None:
    save_manifest(tmp_path / "deep" / "m.json", manifest())
    assert load_manifest(tmp_path / "deep" / "m.json") == manifest()
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["m.json"]


def test_first_block_is_the_earliest_creation() -> None:
    assert manifest().first_block == 5


def test_load_manifest_says_the_next_step_when_there_is_none(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="cityledger contracts deploy"):
        load_manifest(tmp_path / "m.json")


@pytest.mark.parametrize("text", ["", "{", "[]", "\xff"])
def test_load_manifest_refuses_what_is_no_json_object(tmp_path: Path, text: str) -> None:
    (tmp_path / "m.json").write_text(text, "latin-1")
    with pytest.raises(ConfigurationError):
        load_manifest(tmp_path / "m.json")


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"chainId": 31337}, "chainId must be a decimal string"),
        ({"format": "cityledger-manifest/2"}, "format must be"),
        ({"instance": "0x0A"}, "instance must be 32 bytes in hex"),
        ({"guard": "0x" + "ab" * 20}, "guard must be a checksummed address"),
        ({"looseningDelay": True}, "looseningDelay must be seconds"),
        ({"councilDelay": -1}, "councilDelay must be seconds"),
        ({"extra": 1}, "extra is unknown"),
        ({"contracts": {}}, "contracts.RecordLedger is missing"),
        ({"contracts": []}, "contracts must be an object"),
    ],
)
def test_load_manifest_names_what_is_wrong(tmp_path: Path, change: dict[str, Any], complaint: str) -> None:
    (tmp_path / "m.json").write_text(json.dumps({**manifest_json(manifest()), **change}))
    with pytest.raises(ConfigurationError, match=complaint):
        load_manifest(tmp_path / "m.json")


def test_load_manifest_names_everything_that_is_wrong(tmp_path: Path) -> None:
    values = manifest_json(manifest())
    del values["commit"]
    values["contracts"]["DataCatalog"]["block"] = "007"
    values["contracts"]["Stranger"] = {}
    (tmp_path / "m.json").write_text(json.dumps(values))
    with pytest.raises(ConfigurationError) as caught:
        load_manifest(tmp_path / "m.json")
    for complaint in (
        "commit is missing",
        "contracts.DataCatalog.block must",
        "contracts.Stranger is unknown",
    ):
        assert complaint in str(caught.value)

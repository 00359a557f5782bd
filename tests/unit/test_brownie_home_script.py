"""scripts/brownie_home.py keeps what is the user's and forgets only what belongs to a chain that is gone."""

from __future__ import annotations

import json
from pathlib import Path
from types import ModuleType

import pytest
import yaml

from support.script_modules import load_script


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    module = load_script("brownie_home")
    monkeypatch.setattr(module, "DEPLOYMENTS", tmp_path / "deployments")
    monkeypatch.setattr(module, "SEEN", tmp_path / "deployments" / "devnet.txt")
    return module


def _ids(config: Path) -> list[str]:
    loaded = yaml.safe_load(config.read_text())
    groups = [network for group in loaded["live"] for network in group["networks"]]
    return [network["id"] for network in (*loaded["development"], *groups)]


def test_write_networks_adds_ours_to_a_new_home(home: ModuleType, tmp_path: Path) -> None:
    config = tmp_path / "new" / "network-config.yaml"

    home.write_networks(config)

    assert _ids(config) == ["development", "devnet"]
    assert list(config.parent.iterdir()) == [config]


def test_write_networks_keeps_those_of_the_user_and_corrects_ours(home: ModuleType, tmp_path: Path) -> None:
    config = tmp_path / "network-config.yaml"
    own = {"name": "Mine", "networks": [{"id": "mine", "chainid": "1", "host": "https://chain.example"}]}
    forked = {"id": "forked", "cmd": "anvil", "host": "http://127.0.0.1", "cmd_settings": {"fork": "mine"}}
    broken = {"id": "development", "cmd": "elsewhere", "host": "http://127.0.0.1"}
    config.write_text(yaml.safe_dump({"live": [own], "development": [broken, forked]}))

    home.write_networks(config)

    loaded = yaml.safe_load(config.read_text())
    assert _ids(config) == ["development", "forked", "mine", "devnet"]
    assert loaded["live"][0] == own
    assert loaded["development"][0]["cmd"] == "anvil"
    assert loaded["development"][1] == forked


def test_write_networks_does_not_write_a_complete_file(home: ModuleType, tmp_path: Path) -> None:
    config = tmp_path / "network-config.yaml"
    home.write_networks(config)
    config.write_text("# the user's remark\n" + config.read_text())

    home.write_networks(config)

    assert config.read_text().startswith("# the user's remark\n")


@pytest.mark.parametrize(("chain", "is_kept"), [("0xsame", True), ("0xother", False)])
def test_forget_another_chain_drops_the_contracts_of_a_devnet_that_is_gone(
    home: ModuleType, chain: str, is_kept: bool
) -> None:
    home.forget_another_chain("0xsame")
    ours, others = (home.DEPLOYMENTS / chain_id / "0x1.json" for chain_id in ("31337", "1"))
    for path in (ours, others):
        path.parent.mkdir()
        path.write_text("{}")
    known = home.DEPLOYMENTS / "map.json"
    known.write_text(json.dumps({"31337": {"RecordLedger": ["0x1"]}, "1": {}}))

    home.forget_another_chain(chain)

    assert ours.exists() is is_kept
    assert others.exists()
    assert ("31337" in json.loads(known.read_text())) is is_kept
    assert "1" in json.loads(known.read_text())

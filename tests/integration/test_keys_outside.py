"""A node whose operator signs at a remote signer and whose vault key is in a security module, end to end."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from cityledger.devnet import Devnet
from cityledger.types import SharingClass
from support.city.deployed_city import DeployedCity, account, address, deploy_city, terms
from support.node.node_process import Process
from support.node.remote_signer import RemoteSigner, remote_signer
from support.node.security_module import PIN, make_vault_key, soft_tokens

pytestmark = [pytest.mark.chain, pytest.mark.slow, pytest.mark.timeout(300)]

LAND_ACCOUNT, STEWARD, OPERATOR = 3, 4, 5
PATH = "registration/real-estate/titles"
DATASET = f"LAND/{PATH}"
TITLE = {
    "uid": "110101-001-0007",
    "type": "apartment",
    "address": {"district": "Xicheng", "street": "Xidan"},
    "area": {"value": 61.5, "unit": "m2", "kind": "officialArea"},
}


@pytest.fixture
def signer() -> Iterator[RemoteSigner]:
    with remote_signer(account(OPERATOR)) as remote:
        yield remote


@pytest.fixture
def town(tmp_path: Path) -> Iterator[DeployedCity]:
    with Devnet.start(tmp_path / "devnet", block_time=1, ipc=True) as devnet:
        made = deploy_city(devnet, tmp_path / "manifest.json")
        land = made.admit("LAND", LAND_ACCOUNT)
        made.appoint(land, LAND_ACCOUNT, STEWARD)
        shared = terms(SharingClass.NOT_SHARED)
        made.publish(
            land, STEWARD, path=PATH, profile="property", parts=("title", "attachment"), terms=shared
        )
        yield made


def test_node_writes_reads_and_anchors_with_keys_that_it_does_not_hold(
    town: DeployedCity, signer: RemoteSigner, tmp_path: Path
) -> None:
    token = soft_tokens()[0]
    make_vault_key(token, "land-1-1")
    (tmp_path / "pin").write_text(PIN)
    process = Process(tmp_path)
    process.json(
        "node", "init", "node", "--agency", "LAND", "--rpc", town.devnet.rpc_url,
        "--manifest", str(town.manifest_path),
        "--operator-key", f"web3signer:{signer.url}", "--operator", address(OPERATOR), "--write-credentials",
        "--vault-keys", token.uri("land-{agency}-{epoch}", f"&pin-source={tmp_path / 'pin'}"),
    )  # fmt: skip
    assert list((tmp_path / "node" / "keyring").glob("accounts/*")) == []
    settings = tmp_path / "node" / "cityledger.toml"
    settings.write_text(settings.read_text().replace("_age_seconds = 60.0", "_age_seconds = 1.0"))
    process.json("node", "link", "LAND", "--folder", "node", "--devnet-account", str(LAND_ACCOUNT))
    try:
        process.serve()
        process.environment["CITYLEDGER_CREDENTIALS"] = "node/credentials/LAND-writer.json"
        (tmp_path / "title.json").write_text(json.dumps({"parts": {"title": TITLE}}))
        assert process.json("record", "put", DATASET, "title-7", "title.json")["version"] == 1

        process.environment["CITYLEDGER_CREDENTIALS"] = "node/credentials/LAND-reader.json"
        words = ("record", "get", DATASET, "title-7", "--purpose", "OWN_DUTY", "--part", "title", "--raw")
        assert json.loads(process.run(*words)) == TITLE
        proof = ("--purpose", "OWN_DUTY", "--wait", "60", "--out", "title.proof.json")
        process.run("record", "proof", DATASET, "title-7", *proof)
        on_chain = ("--rpc", town.devnet.rpc_url, "--manifest", str(town.manifest_path))
        assert process.json("verify", "title.proof.json", *on_chain)["verdict"] == "anchored"
        assert signer.requests, "receipts and the batch were signed at the remote signer"

        signer.is_down = True
        refused = process.run(*words, code=1)
        assert "the remote signer refused with status 503" in refused
        signer.is_down = False
        assert json.loads(process.run(*words)) == TITLE
    finally:
        if process.served is not None:
            process.stop()

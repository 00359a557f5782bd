"""Gives brownie a home inside the checkout, so that it writes nothing into the user's own: `make brownie`.

Its networks are written anew each time: `development` is an anvil on a free port that brownie starts and
stops; `devnet` is the one that `cityledger devnet up` runs in `.cityledger/devnet/`. The keys of both are the ones
that the whole world knows.
"""

from __future__ import annotations

import json
import shutil
import socket
import sys
from pathlib import Path

import yaml

from cityledger.devnet import CHAIN_ID, HARDFORK, MNEMONIC, find_devnet

ROOT = Path(__file__).resolve().parent.parent
HOME = ROOT / ".tools" / "brownie"
DEPLOYMENTS = ROOT / "build" / "deployments"
SEEN = DEPLOYMENTS / "devnet.txt"
NO_DEVNET = "http://127.0.0.1:1"
"""Where nobody listens: brownie then says that it cannot connect."""


def main() -> None:
    devnet = find_devnet(ROOT / ".cityledger" / "devnet")
    config = HOME / ".brownie" / "network-config.yaml"
    config.parent.mkdir(parents=True, exist_ok=True)
    config.write_text(yaml.safe_dump(networks(_free_port(), devnet.rpc_url if devnet else NO_DEVNET)))
    forget_another_chain("none" if devnet is None else f"{devnet.pid} {devnet.rpc_url}")
    print(HOME)


def networks(port: int, devnet_url: str) -> dict[str, object]:
    """Brownie's network-config.yaml."""
    development = {
        "id": "development",
        "name": "anvil, started and stopped by brownie",
        "cmd": "anvil",
        "host": "http://127.0.0.1",
        "timeout": 120,
        "cmd_settings": {
            "port": port,
            "accounts": 10,
            "mnemonic": MNEMONIC,
            "evm_version": HARDFORK,
            "chain_id": CHAIN_ID,
            "base_fee": 0,  # brownie sends without a fee
            "steps_tracing": True,  # for --coverage
        },
    }
    devnet = {"id": "devnet", "name": "cityledger devnet up", "chainid": str(CHAIN_ID), "host": devnet_url}
    return {"development": [development], "live": [{"name": "cityledger", "networks": [devnet]}]}


def forget_another_chain(chain: str) -> None:
    """Drops what brownie remembers of a devnet that is gone: another chain has other contracts there."""
    if SEEN.exists() and SEEN.read_text() == chain:
        return
    shutil.rmtree(DEPLOYMENTS / str(CHAIN_ID), ignore_errors=True)
    known = DEPLOYMENTS / "map.json"
    if known.exists():
        held = json.loads(known.read_text())
        held.pop(str(CHAIN_ID), None)
        known.write_text(json.dumps(held))
    SEEN.parent.mkdir(parents=True, exist_ok=True)
    SEEN.write_text(chain)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


if __name__ == "__main__":
    sys.exit(main())

"""Runs brownie with a home folder inside the checkout, so that the user's own is not changed: `make brownie`.

python scripts/brownie_home.py test --gas

The home knows two networks: `development` is an anvil that brownie starts and stops, each run on a port of
its own; `devnet` is the chain of ``CITYLEDGER_RPC_URL``, or the one that `cityledger devnet up` runs. The
keys of both are public. Networks that a user added are kept.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import sys
from pathlib import Path
from typing import Any

import yaml  # of brownie's own, without its stubs

from cityledger.chain.rpc.endpoint import connect
from cityledger.cli.chain_options import rpc_or_devnet
from cityledger.devnet import CHAIN_ID, HARDFORK, MNEMONIC
from cityledger.errors import CityledgerError

ROOT = Path(__file__).resolve().parent.parent
HOME = ROOT / ".tools" / "brownie"
DEPLOYMENTS = ROOT / "build" / "deployments"
SEEN = DEPLOYMENTS / "devnet.txt"
PORT, RPC = "CITYLEDGER_BROWNIE_PORT", "CITYLEDGER_BROWNIE_RPC"
"""Environment variables that brownie expands: two runs at once share its files, and differ in these."""
NO_DEVNET = "http://127.0.0.1:1"
"""An address at which no process listens."""


def main() -> None:
    os.chdir(ROOT)
    write_networks(HOME / ".brownie" / "network-config.yaml")
    environment = {**os.environ, "HOME": str(HOME), PORT: str(_free_port()), RPC: _devnet()}
    brownie = Path(sys.executable).with_name("brownie")
    os.execve(brownie, [str(brownie), *sys.argv[1:]], environment)  # noqa: S606 - our own program


def write_networks(config: Path) -> None:
    """Adds our networks to brownie's network-config.yaml, next to the existing ones."""
    existing = yaml.safe_load(config.read_text()) if config.exists() else None
    wanted = with_our_networks(existing or {})
    if wanted == existing:
        return
    config.parent.mkdir(parents=True, exist_ok=True)
    new = config.with_name(f"network-config.{os.getpid()}.new")
    new.write_text(yaml.safe_dump(wanted, sort_keys=False))
    new.replace(config)


def with_our_networks(config: dict[str, Any]) -> dict[str, Any]:
    """The configuration with our two networks, which replace earlier entries of the same names."""
    development = {
        "id": "development",
        "name": "anvil, started and stopped by brownie",
        "cmd": "anvil",
        "host": "http://127.0.0.1",
        "timeout": 120,
        "cmd_settings": {  # brownie-config.yaml adds the port
            "accounts": 10,
            "mnemonic": MNEMONIC,
            "evm_version": HARDFORK,
            "chain_id": CHAIN_ID,
            "base_fee": 0,  # brownie sends without a fee
            "steps_tracing": True,  # for --coverage
        },
    }
    devnet = {"id": "devnet", "name": "cityledger devnet up", "chainid": str(CHAIN_ID), "host": f"${RPC}"}
    others = [network for network in config.get("development", []) if network["id"] != "development"]
    groups = [group for group in config.get("live", []) if group["name"] != "cityledger"]
    return {
        "live": [*groups, {"name": "cityledger", "networks": [devnet]}],
        "development": [development, *others],
    }


def forget_another_chain(chain: str) -> None:
    """Drops brownie's records of a devnet that no longer exists: another chain has other contracts there."""
    if SEEN.exists() and SEEN.read_text() == chain:
        return
    shutil.rmtree(DEPLOYMENTS / str(CHAIN_ID), ignore_errors=True)
    known = DEPLOYMENTS / "map.json"
    if known.exists():
        deployments = json.loads(known.read_text())
        deployments.pop(str(CHAIN_ID), None)
        known.write_text(json.dumps(deployments))
    SEEN.parent.mkdir(parents=True, exist_ok=True)
    SEEN.write_text(chain)


def _devnet() -> str:
    """The devnet's URL. Without a devnet it is one without listener, and a run on the devnet ends here, with
    the reason."""
    try:
        url = rpc_or_devnet(os.environ.get("CITYLEDGER_RPC_URL"))
        genesis = connect(url, CHAIN_ID).request("eth_getBlockByNumber", "0x0", False)
    except CityledgerError as error:
        if "devnet" in sys.argv:
            sys.exit(f"brownie: {error}")
        return NO_DEVNET
    forget_another_chain(genesis["hash"])
    return url


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


if __name__ == "__main__":
    main()

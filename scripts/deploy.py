"""Deploys the contracts: what `cityledger contracts deploy` does, for scripts and for `brownie run deploy`.

python scripts/deploy.py --rpc http://127.0.0.1:8545
brownie run deploy
brownie run deploy --network devnet
brownie run deploy replace --network devnet

Under brownie, contracts that were deployed, or found deployed, are in its containers afterwards:
``RecordLedger[-1]`` in the console, in scripts and in tests.
"""

from __future__ import annotations

import os
import re
import sys
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from cityledger.chain.abi.artifacts import FOLLOWED_NAMES, load_artifact
from cityledger.chain.manifest import Manifest, load_manifest
from cityledger.cli.chain_options import MANIFEST
from cityledger.cli.main import run

DEVELOPMENT_MANIFEST = Path(__file__).resolve().parent.parent / "build" / "development" / "manifest.json"
"""The manifest of a chain that ends with brownie: it must not replace that of the devnet."""


def main() -> dict[str, Any]:
    """The city's contracts by name, on the network that brownie is connected to.

    On `development` always a new city. On a live network an interrupted deployment is completed, and an
    existing one is found; the manifest is the command line's, `.cityledger/manifest.json`.
    """
    if _brownie().network.show_active() != "development":
        return adopt(_deployed(_manifest()))
    folder = DEVELOPMENT_MANIFEST.parent
    folder.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=folder) as own:  # tests deploy at the same time
        written = Path(own) / "manifest.json"
        manifest = _deployed(written)
        written.replace(DEVELOPMENT_MANIFEST)
    print(f"manifest moved to {DEVELOPMENT_MANIFEST}")
    return adopt(manifest)


def replace() -> dict[str, Any]:
    """A new city on a live network, as after a reset of the devnet; the older manifest is set aside."""
    return adopt(_deployed(_manifest(), "--replace"))


def adopt(manifest: Manifest) -> dict[str, Any]:
    """Adds a deployment's contracts to brownie's containers, and removes those of chains that were reset."""
    verify_code_without_immutables()
    brownie = _brownie()
    (ours,) = brownie.project.get_loaded_projects()
    found = {}
    for name in FOLLOWED_NAMES:
        container = ours[name]
        for older in [one for one in container if one.address != manifest.address(name)]:
            container.remove(older)
        found[name] = container.at(manifest.address(name))
    # OpenZeppelin's, so not one of the project's own.
    manager = manifest.address("AccessManager")
    found["AccessManager"] = brownie.Contract.from_abi(
        "AccessManager", manager, load_artifact("AccessManager").abi
    )
    return found


def verify_code_without_immutables() -> None:
    """Lets brownie recognise the code of a contract that has immutables.

    It compares the code on the chain with what it compiled, where immutables are still zero. Most of ours
    have some, and a contract that brownie does not recognise has no source in tracebacks and, without a
    warning, no line in the coverage report.
    """

    def is_compiled_from(address: str, expected: str, language: str) -> bool:
        actual = _brownie().web3.eth.get_code(address).hex().removeprefix("0x")
        return is_same_code(actual, expected.removeprefix("0x"))

    contract: Any = import_module("brownie.network.contract")
    contract._verify_deployed_code = is_compiled_from


def is_same_code(actual: str, compiled: str) -> bool:
    """Whether code on a chain, in hex, is what was compiled, apart from the values of immutables."""
    digits, expected = without_metadata(actual), without_metadata(compiled)
    for place in re.finditer("7f0{64}", expected):  # PUSH32 of nothing: an immutable before its constructor
        digits = digits[: place.start()] + place[0] + digits[place.end() :]
    return digits == expected


def without_metadata(code: str) -> str:
    """The code, in hex, without Solidity's contract metadata, which differs by comments and paths; the last
    two bytes are its length.
    """
    return code[: -2 * (int(code[-4:] or "0", 16) + 2)]


def _deployed(manifest: Path, *options: str) -> Manifest:
    url = _brownie().web3.provider.endpoint_uri
    code = run(["contracts", "deploy", "--rpc", url, "--manifest", str(manifest), *options])
    if code:
        raise SystemExit(code)
    return load_manifest(manifest)


def _manifest() -> Path:
    return Path(os.environ.get("CITYLEDGER_MANIFEST", MANIFEST))


def _brownie() -> Any:
    """The brownie module, which only exists where brownie runs this script."""
    return import_module("brownie")


if __name__ == "__main__":
    sys.exit(run(["contracts", "deploy", *sys.argv[1:]]))

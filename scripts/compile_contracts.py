"""Compile the contracts into the artifacts that ship with the package.

Deterministic: the same sources give the same bytes on any machine, and no path of the machine is in them.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
ARTIFACTS = ROOT / "pyservice/cityledger/chain/artifacts"
DEPLOYED = {
    "CityDirectory": "contracts/CityDirectory.sol",
    "AgencyRegistry": "contracts/AgencyRegistry.sol",
    "DataCatalog": "contracts/DataCatalog.sol",
    "RecordLedger": "contracts/RecordLedger.sol",
    "AccessPolicy": "contracts/AccessPolicy.sol",
    "AccessManager": "@openzeppelin/contracts/access/manager/AccessManager.sol",
}
SOLC = "0.8.37"
IMPORT = re.compile(r'^import\b[^;]*?"([^"]+)"\s*;', re.MULTILINE)
SETTINGS: dict[str, Any] = {
    "evmVersion": "cancun",
    "optimizer": {"enabled": True, "runs": 200},
    # The hash would change with every comment, and its file is published nowhere.
    "metadata": {"bytecodeHash": "none"},
    "outputSelection": {"*": {"": ["ast"], "*": ["abi", "evm.bytecode.object", "evm.deployedBytecode"]}},
}


def collect_sources(names: list[str]) -> dict[str, str]:
    """The sources that the named ones need, themselves included, by their names in imports."""
    found: dict[str, str] = {}
    waiting = list(names)
    while waiting:
        name = waiting.pop()
        if name in found:
            continue
        folder = ROOT / "node_modules" if name.startswith("@") else ROOT
        found[name] = (folder / name).read_text(encoding="utf-8")
        waiting += [_resolve(name, target) for target in IMPORT.findall(found[name])]
    return dict(sorted(found.items()))


def compile_sources(sources: dict[str, str]) -> dict[str, Any]:
    """The compiler's output: ``contracts`` by source and contract, and ``sources`` with their trees.

    Raises:
        solcx.exceptions.SolcError: a source does not compile.
    """
    os.environ.setdefault("SOLCX_BINARY_PATH", str(ROOT / ".tools/solcx"))
    import solcx  # reads the variable when it is imported

    request = {
        "language": "Solidity",
        "sources": {name: {"content": text} for name, text in sources.items()},
        "settings": SETTINGS,
    }
    output: dict[str, Any] = solcx.compile_standard(request, solc_version=SOLC)
    return output


def make_artifacts() -> dict[str, str]:
    """The text of each deployed contract's artifact, by contract name."""
    output = compile_sources(collect_sources(list(DEPLOYED.values())))
    names = _variable_names(output["sources"])
    return {
        name: _artifact_text(name, output["contracts"][source][name], names)
        for name, source in DEPLOYED.items()
    }


def main() -> None:
    ARTIFACTS.mkdir(parents=True, exist_ok=True)
    for name, text in make_artifacts().items():
        (ARTIFACTS / f"{name}.json").write_text(text, encoding="utf-8")
        print(f"{name}: {len(json.loads(text)['deployedBytecode']) // 2 - 1} bytes")


def _variable_names(tree: Any) -> dict[str, str]:
    """The name of each variable below the tree, by the id under which the compiler refers to it."""
    if isinstance(tree, list):
        return {key: name for item in tree for key, name in _variable_names(item).items()}
    if not isinstance(tree, dict):
        return {}
    own = {str(tree["id"]): tree["name"]} if tree.get("nodeType") == "VariableDeclaration" else {}
    return own | _variable_names(list(tree.values()))


def _artifact_text(name: str, output: dict[str, Any], names: dict[str, str]) -> str:
    sources = collect_sources([DEPLOYED[name]])
    deployed = output["evm"]["deployedBytecode"]
    artifact = {
        "contractName": name,
        "abi": output["abi"],
        "bytecode": "0x" + output["evm"]["bytecode"]["object"],
        "deployedBytecode": "0x" + deployed["object"],
        # By the variable's name, so that a verifier knows which value belongs at which place.
        "immutableReferences": {
            names[key]: sorted(places, key=lambda place: place["start"])
            for key, places in deployed["immutableReferences"].items()
        },
        "compiler": {"solc": SOLC, "evmVersion": SETTINGS["evmVersion"], "optimizer": SETTINGS["optimizer"]},
        "sourceDigest": hashlib.sha256(json.dumps(sources, sort_keys=True).encode()).hexdigest(),
    }
    return json.dumps(artifact, indent=1, sort_keys=True) + "\n"


def _resolve(importer: str, target: str) -> str:
    if not target.startswith("."):
        return target
    return os.path.normpath(Path(importer).parent / target)


if __name__ == "__main__":
    main()

"""The addresses and blocks of a deployment as data, in a file that is validated on load."""

from __future__ import annotations

import json
import os
import re
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from eth_utils.address import is_checksum_address

from cityledger.chain.abi.artifacts import CONTRACT_NAMES
from cityledger.errors import ConfigurationError
from cityledger.types import Address

FORMAT = "cityledger-manifest/1"


@dataclass(frozen=True, slots=True)
class DeployedContract:
    address: Address
    block: int
    """The block that created it; following begins here."""
    transaction: bytes


@dataclass(frozen=True, slots=True)
class Manifest:
    chain_id: int
    instance: bytes
    """32 bytes, fixed by the directory's constructor; another deployment has another."""
    commit: str
    """The source that was deployed, as git names it; "unknown" outside a checkout."""
    deployer: Address
    loosening_delay_seconds: int
    council_delay_seconds: int
    council: Address
    guard: Address
    contracts: Mapping[str, DeployedContract]

    def address(self, name: str) -> Address:
        return self.contracts[name].address

    @property
    def first_block(self) -> int:
        """The first block in which one of the contracts can have emitted an event."""
        return min(contract.block for contract in self.contracts.values())


def load_manifest(path: Path) -> Manifest:
    """Reads and validates a manifest; every key must be present, and no other.

    Raises:
        ConfigurationError: missing, malformed or incomplete; names all errors.
    """
    values = load_json(path, "`cityledger contracts deploy` writes it")
    complaints = _complaints(values)
    if complaints:
        raise ConfigurationError(f"manifest {path}: " + "; ".join(complaints))
    return Manifest(
        chain_id=int(values["chainId"]),
        instance=bytes.fromhex(values["instance"][2:]),
        commit=values["commit"],
        deployer=Address(values["deployer"]),
        loosening_delay_seconds=values["looseningDelay"],
        council_delay_seconds=values["councilDelay"],
        council=Address(values["council"]),
        guard=Address(values["guard"]),
        contracts={name: _contract(values["contracts"][name]) for name in CONTRACT_NAMES},
    )


def save_manifest(path: Path, manifest: Manifest) -> None:
    """Writes the manifest so that a crash leaves the old file or the new one."""
    save_json(path, manifest_json(manifest))


def manifest_json(manifest: Manifest) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "chainId": str(manifest.chain_id),
        "instance": "0x" + manifest.instance.hex(),
        "commit": manifest.commit,
        "deployer": manifest.deployer,
        "looseningDelay": manifest.loosening_delay_seconds,
        "councilDelay": manifest.council_delay_seconds,
        "council": manifest.council,
        "guard": manifest.guard,
        "contracts": {
            name: {
                "address": one.address,
                "block": str(one.block),
                "transaction": "0x" + one.transaction.hex(),
            }
            for name, one in manifest.contracts.items()
        },
    }


def _contract(values: Mapping[str, str]) -> DeployedContract:
    return DeployedContract(
        Address(values["address"]), int(values["block"]), bytes.fromhex(values["transaction"][2:])
    )


def _is_decimal(value: object) -> bool:
    return isinstance(value, str) and re.fullmatch(r"0|[1-9][0-9]{0,19}", value) is not None


def _is_bytes32(value: object) -> bool:
    return isinstance(value, str) and re.fullmatch(r"0x[0-9a-f]{64}", value) is not None


def _is_address(value: object) -> bool:
    return isinstance(value, str) and is_checksum_address(value)


def _is_seconds(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**32


_Check = Callable[[object], bool]
_FIELDS: dict[str, tuple[str, _Check]] = {
    "format": (f'must be "{FORMAT}"', lambda value: value == FORMAT),
    "chainId": ("must be a decimal string", _is_decimal),
    "instance": ("must be 32 bytes in hex", _is_bytes32),
    "commit": ("must be text", lambda value: isinstance(value, str) and value != ""),
    "deployer": ("must be a checksummed address", _is_address),
    "looseningDelay": ("must be seconds", _is_seconds),
    "councilDelay": ("must be seconds", _is_seconds),
    "council": ("must be a checksummed address", _is_address),
    "guard": ("must be a checksummed address", _is_address),
    "contracts": ("must be an object", lambda value: isinstance(value, dict)),
}
_CONTRACT_FIELDS: dict[str, tuple[str, _Check]] = {
    "address": ("must be a checksummed address", _is_address),
    "block": ("must be a decimal string", _is_decimal),
    "transaction": ("must be 32 bytes in hex", _is_bytes32),
}


def _complaints(values: Mapping[str, Any]) -> list[str]:
    wrong = _field_complaints("", values, _FIELDS)
    contracts = values.get("contracts")
    if not isinstance(contracts, dict):
        return wrong
    wrong += [f"contracts.{name} is unknown" for name in sorted(contracts.keys() - set(CONTRACT_NAMES))]
    for name in CONTRACT_NAMES:
        if isinstance(contracts.get(name), dict):
            wrong += _field_complaints(f"contracts.{name}.", contracts[name], _CONTRACT_FIELDS)
        else:
            wrong.append(f"contracts.{name} is missing")
    return wrong


def _field_complaints(
    prefix: str, values: Mapping[str, Any], fields: Mapping[str, tuple[str, _Check]]
) -> list[str]:
    wrong = [f"{prefix}{name} is unknown" for name in sorted(values.keys() - fields.keys())]
    wrong += [f"{prefix}{name} is missing" for name in fields if name not in values]
    return wrong + [
        f"{prefix}{name} {rule}"
        for name, (rule, holds) in fields.items()
        if name in values and not holds(values[name])
    ]


def save_json(path: Path, value: Any, *, private: bool = False) -> None:
    """Replaces ``path`` by ``value``, on disk before this returns. ``private`` keeps others from reading."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump(value, file, indent=2)
            file.write("\n")
            file.flush()
            os.fsync(file.fileno())
        Path(name).chmod(0o600 if private else 0o644)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def load_json(path: Path, next_step: str) -> dict[str, Any]:
    """The JSON object in ``path``.

    Raises:
        ConfigurationError: missing (then ``next_step`` says what to run), or not a JSON object.
    """
    try:
        values = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        raise ConfigurationError(f"{path} is missing; {next_step}") from None
    except (ValueError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{path} is not JSON: {error}") from error
    if not isinstance(values, dict):
        raise ConfigurationError(f"{path} is not a JSON object")
    return values

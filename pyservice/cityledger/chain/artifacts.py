"""The compiled contracts as they ship in the package: ABI and bytecode, read once."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from cityledger.errors import ConfigurationError

CONTRACT_NAMES = (
    "AccessManager",
    "CityDirectory",
    "AgencyRegistry",
    "DataCatalog",
    "RecordLedger",
    "AccessPolicy",
)
"""In the order of deployment."""
FOLLOWED_NAMES = CONTRACT_NAMES[1:]
"""Those whose events are followed. AccessManager's are governance history that no decision reads."""


@dataclass(frozen=True, slots=True)
class Artifact:
    name: str
    abi: list[dict[str, Any]]
    bytecode: bytes
    """Creation code, without constructor arguments."""
    deployed_bytecode: bytes
    """What stands at the address afterwards, with zeros where immutables go."""
    immutables: tuple[tuple[int, int], ...]
    """(start, length) of each place in the deployed bytecode that the constructor fills."""


@cache
def load_artifact(name: str) -> Artifact:
    """The artifact of one contract.

    Raises:
        ConfigurationError: the package was built without it.
    """
    resource = files("cityledger.chain") / "artifacts" / f"{name}.json"
    try:
        held = json.loads(resource.read_text("utf-8"))
    except FileNotFoundError:
        raise ConfigurationError(
            f"the artifact of {name} is missing; in a source checkout run `cityledger contracts compile`"
        ) from None
    places = tuple((place["start"], place["length"]) for place in held["immutableReferences"])
    return Artifact(name, held["abi"], _code(held["bytecode"]), _code(held["deployedBytecode"]), places)


def entries_of_kind(name: str, kind: str) -> list[dict[str, Any]]:
    """The ABI entries of one kind: ``function``, ``event`` or ``error``."""
    return [entry for entry in load_artifact(name).abi if entry["type"] == kind]


def _code(text: str) -> bytes:
    return bytes.fromhex(text.removeprefix("0x"))

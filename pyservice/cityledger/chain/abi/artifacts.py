"""The compiled contracts as they ship in the package: ABI and bytecode, read once."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
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
    """The code at the address afterwards, with zeros where immutables go."""
    immutables: Mapping[str, tuple[tuple[int, int], ...]]
    """(start, length) of each place in the deployed bytecode that the constructor fills, by variable."""

    def deployed_with(self, values: Mapping[str, bytes]) -> bytes:
        """The code of the contract whose immutables have these values, each a word of 32 bytes.

        Raises:
            KeyError: an immutable is missing from ``values``.
        """
        code = bytearray(self.deployed_bytecode)
        for name, places in self.immutables.items():
            for start, length in places:
                code[start : start + length] = values[name]
        return bytes(code)

    def without_immutables(self, code: bytes) -> bytes:
        """The code with zeros where immutables go; as it is where its length is another."""
        if len(code) != len(self.deployed_bytecode):
            return code
        return _zeroed(code, [place for places in self.immutables.values() for place in places])

    def immutables_in(self, code: bytes) -> dict[str, set[bytes]]:
        """The words at each immutable's places in deployed code, by variable; one word each in our code."""
        return {
            name: {code[start : start + length] for start, length in places}
            for name, places in self.immutables.items()
        }


@cache
def load_artifact(name: str) -> Artifact:
    """The artifact of one contract.

    Raises:
        ConfigurationError: the package was built without it.
    """
    resource = files("cityledger.chain") / "artifacts" / f"{name}.json"
    try:
        fields = json.loads(resource.read_text("utf-8"))
    except FileNotFoundError:
        raise ConfigurationError(
            f"the artifact of {name} is missing; in a source checkout run `cityledger contracts compile`"
        ) from None
    places = {
        variable: tuple((place["start"], place["length"]) for place in uses)
        for variable, uses in fields["immutableReferences"].items()
    }
    return Artifact(name, fields["abi"], _code(fields["bytecode"]), _code(fields["deployedBytecode"]), places)


def entries_of_kind(name: str, kind: str) -> list[dict[str, Any]]:
    """The ABI entries of one kind: ``function``, ``event`` or ``error``."""
    return [entry for entry in load_artifact(name).abi if entry["type"] == kind]


def _zeroed(code: bytes, places: Sequence[tuple[int, int]]) -> bytes:
    zeroed = bytearray(code)
    for start, length in places:
        zeroed[start : start + length] = bytes(length)
    return bytes(zeroed)


def _code(text: str) -> bytes:
    return bytes.fromhex(text.removeprefix("0x"))

"""CityDirectory: the one root address, from which the other contracts are found."""

from __future__ import annotations

from cityledger.chain.contracts.bound import BoundContract
from cityledger.chain.rpc.endpoint import At, Endpoint
from cityledger.chain.sender import Call
from cityledger.chain.structs import ZERO_ADDRESS, word_from_text
from cityledger.types import Address


class CityDirectory:
    def __init__(self, endpoint: Endpoint, address: Address) -> None:
        self._contract = BoundContract(endpoint, "CityDirectory", address)
        self.address = address

    def instance(self, block: At) -> bytes:
        """The 32 bytes that name this deployment."""
        held: bytes = self._contract.read(block, "instance")
        return held

    def find_address(self, name: str, block: At) -> tuple[Address | None, int]:
        """Where the name leads and its version; None and 0 for an unknown name."""
        held = self._contract.read(block, "get", word_from_text("name", name))
        target = Address(held["target"])
        return (None if target == ZERO_ADDRESS else target), held["version"]

    def set(self, name: str, target: Address) -> Call:
        """Points the name to another contract. Council only."""
        return self._contract.prepare("set", word_from_text("name", name), target)

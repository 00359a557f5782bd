"""CityDirectory: the one root address, from which the other contracts are found."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from cityledger.chain.abi.codec import Named
from cityledger.chain.abi.words import word_from_text
from cityledger.chain.contracts.bound import BoundContract
from cityledger.chain.rpc.endpoint import At, Endpoint
from cityledger.chain.transactions import Call
from cityledger.types import ZERO_ADDRESS, Address, word_text


class CityDirectory:
    def __init__(self, endpoint: Endpoint, address: Address) -> None:
        self._contract = BoundContract(endpoint, "CityDirectory", address)
        self.address = address

    def instance(self, block: At) -> bytes:
        """The 32 bytes that name this deployment."""
        instance: bytes = self._contract.read(block, "instance")
        return instance

    def find_address(self, name: str, block: At) -> tuple[Address | None, int]:
        """The name's address and version; None and 0 for an unknown name."""
        stored = self._contract.read(block, "get", word_from_text("name", name))
        target = Address(stored["target"])
        return (None if target == ZERO_ADDRESS else target), stored["version"]

    def set(self, name: str, target: Address) -> Call:
        """Points the name to another contract. Council only."""
        return self._contract.prepare("set", word_from_text("name", name), target)


@dataclass(frozen=True, slots=True)
class AddressSet:
    name: str
    target: Address
    version: int


CityDirectoryEvent = AddressSet

READERS: Mapping[str, Callable[[Named], CityDirectoryEvent]] = {
    "AddressSet": lambda v: AddressSet(word_text(v["name"]), Address(v["target"]), v["version"]),
}

"""A manifest of nowhere, for tests."""

from __future__ import annotations

from eth_utils.address import to_checksum_address

from cityledger.chain.abi.artifacts import CONTRACT_NAMES
from cityledger.chain.manifest import DeployedContract, Manifest
from cityledger.types import Address


def address(number: int) -> Address:
    return Address(to_checksum_address(f"0x{number:040x}"))


def manifest() -> Manifest:
    contracts = {
        name: DeployedContract(address(100 + number), 5 + number, bytes([number]) * 32)
        for number, name in enumerate(CONTRACT_NAMES)
    }
    return Manifest(31337, b"\x0a" * 32, "unknown", address(1), 0, 0, address(2), address(3), contracts)

"""The values that the constructors must have written into the code: each immutable as a word of 32 bytes."""

from __future__ import annotations

from collections.abc import Mapping

from cityledger.chain.manifest import Manifest
from cityledger.types import Address


def immutables_of(manifest: Manifest) -> Mapping[str, Mapping[str, bytes]]:
    """The immutables of each contract, by contract and variable."""
    registry = address_word(manifest.address("AgencyRegistry"))
    catalog = address_word(manifest.address("DataCatalog"))
    instance, delay = manifest.instance, manifest.loosening_delay_seconds.to_bytes(32)
    return {
        "AccessManager": {},
        "CityDirectory": {"instance": instance},
        "AgencyRegistry": {},
        "DataCatalog": {"_registry": registry, "instance": instance, "looseningDelay": delay},
        "RecordLedger": {"registry": registry, "catalog": catalog, "instance": instance},
        "AccessPolicy": policy_immutables(registry, catalog),
    }


def policy_immutables(registry: bytes, catalog: bytes) -> Mapping[str, bytes]:
    """The immutables of AccessPolicy, from the addresses of the contracts that it reads, as words."""
    return {"registry": registry, "catalog": catalog}


def address_word(address: Address) -> bytes:
    """The address as it is in a word."""
    return bytes.fromhex(address[2:]).rjust(32, b"\0")

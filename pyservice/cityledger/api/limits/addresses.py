"""Network addresses as holders of limits, and the proxies that may name other addresses."""

from __future__ import annotations

from functools import lru_cache
from ipaddress import ip_address, ip_network

from cityledger.settings.networks import Networks

_SITE_BITS = 64
"""Bits of an IPv6 address that identify one site (RFC 6177); the client chooses the others."""


@lru_cache(maxsize=65_536)
def address_key(address: str) -> str:
    """The key under which requests of an address are counted: the address, or for IPv6 its network of 64
    bits."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return address  # a Unix socket, or a client inside this process
    if parsed.version == 4:
        return address
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return str(ip_network((parsed.packed, _SITE_BITS), strict=False))


def is_trusted(address: str, networks: Networks) -> bool:
    try:
        parsed = ip_address(address)
    except ValueError:
        return False
    return any(parsed in network for network in networks)

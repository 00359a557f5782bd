"""Lists of network addresses in a setting."""

from __future__ import annotations

from ipaddress import IPv4Network, IPv6Network, ip_network

Networks = tuple[IPv4Network | IPv6Network, ...]


def parse_networks(text: str) -> Networks:
    """Addresses and networks with commas between; empty for none.

    Raises:
        ValueError: one of them is neither.
    """
    return tuple(ip_network(one.strip()) for one in text.split(",") if one.strip())

from __future__ import annotations

import pytest

from cityledger.api.limits.addresses import address_key, is_trusted
from cityledger.settings.networks import parse_networks


@pytest.mark.parametrize(
    ("address", "key"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("testclient", "testclient"),
    ],
)
def test_addresses_of_one_site_are_one(address: str, key: str) -> None:
    assert address_key(address) == key


def test_trusted_proxies_are_addresses_and_networks() -> None:
    networks = parse_networks("10.0.0.0/8, 192.0.2.7,2001:db8::/32")

    assert [is_trusted(one, networks) for one in ("10.9.9.9", "192.0.2.7", "2001:db8::1")] == [True] * 3
    assert [is_trusted(one, networks) for one in ("11.0.0.1", "192.0.2.8", "testclient")] == [False] * 3

from __future__ import annotations

import pytest

from cityledger.settings.networks import parse_networks


def test_an_empty_setting_trusts_no_proxy() -> None:
    assert parse_networks("") == ()


@pytest.mark.parametrize("setting", ["proxy.example", "10.0.0.1/8", "*"])
def test_what_is_no_network_is_refused(setting: str) -> None:
    with pytest.raises(ValueError, match=r"does not appear to be|has host bits set"):
        parse_networks(setting)

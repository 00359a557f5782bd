"""A password with / ? or # in it ended the place of a shown URL early: its beginning was shown as host or
port, or in the message of what failed.
"""

from __future__ import annotations

import pytest

from cityledger.chain.rpc.endpoint import connect
from cityledger.chain.rpc.endpoint import masked as masked_endpoint
from cityledger.errors import ChainUnavailableError
from cityledger.settings.showing import masked


@pytest.mark.parametrize("character", "/?#")
def test_no_piece_of_a_password_is_shown(character: str) -> None:
    shown = masked(f"postgresql://city:secret{character}rest@127.0.0.1:5432/node")

    assert "secret" not in shown
    assert "rest" not in shown
    assert shown.startswith("postgresql://")


@pytest.mark.parametrize("character", "/?#")
@pytest.mark.parametrize("password", ["31415", "secret"])
def test_no_piece_of_an_endpoints_password_is_shown(character: str, password: str) -> None:
    url = f"http://city:{password}{character}rest@127.0.0.1:8545"

    assert not {"city", password, "rest"} & set(masked_endpoint(url).replace("/", ":").split(":"))
    with pytest.raises(ChainUnavailableError) as raised:
        connect(url, 31337, timeout_seconds=1)
    assert password not in str(raised.value)


@pytest.mark.parametrize("url", ["http://127.0.0.1:99999/key", "http://[half/key", "https://host:key"])
def test_endpoint_that_is_no_url_is_not_shown(url: str) -> None:
    assert masked_endpoint(url) == "…"

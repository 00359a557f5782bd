from __future__ import annotations

from pathlib import Path

import pytest

from cityledger.cli.city.officer_revoke import _own_url
from cityledger.settings import Settings


@pytest.mark.parametrize(
    ("host", "domain", "url"),
    [
        ("127.0.0.1", "localhost", "http://127.0.0.1:8640"),
        ("::1", "localhost", "http://[::1]:8640"),
        ("0.0.0.0", "land.city.test", "https://land.city.test"),  # noqa: S104 - nothing listens
        ("127.0.0.1", "land.city.test:8443", "https://land.city.test:8443"),
    ],
)
def test_own_url_is_one_whose_proofs_the_node_takes(tmp_path: Path, host: str, domain: str, url: str) -> None:
    settings = Settings(
        database_url="sqlite:///node.db",
        rpc_url="http://chain.test",
        chain_id=31_337,
        manifest=tmp_path / "manifest.json",
        keyring=tmp_path / "keyring",
        operator="0x" + "11" * 20,
        object_store_url=tmp_path.as_uri(),
        host=host,
        port=8640,
        domain=domain,
    )
    assert _own_url(settings) == url

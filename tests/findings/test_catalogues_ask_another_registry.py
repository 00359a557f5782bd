"""Once, `contracts verify` masked the catalogue's registry, and passed a city whose catalogue asked another
one that called a stranger a steward.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from cityledger.chain.abi.codec import encode_creation
from cityledger.chain.transactions import Call
from cityledger.errors import VerificationError
from support.city.deployed_city import address
from support.city.deviant_deployment import Places, bare_chain, deploy_deviant, inspect

pytestmark = pytest.mark.chain


def other_registry(places: Places, calls: dict[str, Call]) -> dict[str, Call]:
    arguments = places["AccessManager"], address(9), places["CityDirectory"], 3_600
    data = encode_creation("DataCatalog", arguments)
    return {**calls, "DataCatalog": Call(None, data, "create DataCatalog", gas=8_000_000)}


def test_verify_deployment_sees_another_registry_behind_the_catalogue(tmp_path: Path) -> None:
    with bare_chain(tmp_path) as endpoint:
        manifest = deploy_deviant(endpoint, tmp_path, creations=other_registry)
        with pytest.raises(VerificationError) as caught:
            inspect(endpoint, manifest)
    word = "0x" + address(9)[2:].lower().rjust(64, "0")
    assert f"DataCatalog._registry is {word} instead of" in str(caught.value)
    assert "DataCatalog was created by other code, or with other arguments" in str(caught.value)

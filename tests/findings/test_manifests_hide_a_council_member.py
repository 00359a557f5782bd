"""Once, `contracts verify` looked for members of the council from the block that the manifest named on."""

from __future__ import annotations

from pathlib import Path

import pytest

from cityledger.chain.contracts.access_manager import COUNCIL
from cityledger.errors import VerificationError
from support.city.deployed_city import address
from support.city.deviant_deployment import bare_chain, deploy_deviant, inspect, with_block

pytestmark = pytest.mark.chain


def test_verify_deployment_finds_the_creation_by_the_chain(tmp_path: Path) -> None:
    with bare_chain(tmp_path) as endpoint:
        manifest = deploy_deviant(
            endpoint, tmp_path, roles=lambda manager: [manager.prepare("grantRole", COUNCIL, address(9), 0)]
        )
        endpoint.request("anvil_mine", "0x5")
        late = int(endpoint.request("eth_blockNumber"), 16)
        with pytest.raises(VerificationError) as caught:
            inspect(endpoint, with_block(manifest, "AccessManager", late))
    assert f"{address(9)} holds role 1 under a delay of 0 s instead of not at all" in str(caught.value)
    assert f"AccessManager was created in block {manifest.contracts['AccessManager'].block}" in str(
        caught.value
    )

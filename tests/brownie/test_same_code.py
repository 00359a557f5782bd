"""Brownie compiles what the package ships: a city deployed by either is the same city."""

from __future__ import annotations

import pytest
from scripts.deploy import is_same_code, without_metadata

from brownie import project, web3
from cityledger.chain.abi.artifacts import FOLLOWED_NAMES, load_artifact


@pytest.mark.parametrize("name", FOLLOWED_NAMES)
def test_brownie_compiles_the_code_that_the_package_ships(name):  # type: ignore[no-untyped-def]
    (ours,) = project.get_loaded_projects()
    built, shipped = ours[name]._build["deployedBytecode"], load_artifact(name).deployed_bytecode.hex()

    assert without_metadata(built) == without_metadata(shipped)


@pytest.mark.parametrize("name", FOLLOWED_NAMES)
def test_code_on_chain_is_recognised_and_no_other(city, name):  # type: ignore[no-untyped-def]
    compiled = load_artifact(name).deployed_bytecode.hex()
    deployed = web3.eth.get_code(city[name].address).hex().removeprefix("0x")

    assert is_same_code(deployed, compiled)
    other = deployed[:8] + format(int(deployed[8], 16) ^ 1, "x") + deployed[9:]
    assert not is_same_code(other, compiled)

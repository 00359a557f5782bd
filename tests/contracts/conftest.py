"""One anvil and one city for all tests of a run; each test's changes are rolled back."""

from __future__ import annotations

from collections.abc import Iterator
from types import ModuleType

import pytest

from support.city.city_on_chain import Chain, City, Harness
from support.script_modules import load_script


@pytest.fixture(scope="session")
def chain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chain]:
    chain = Chain(tmp_path_factory.mktemp("chain"))
    yield chain
    chain.stop()


@pytest.fixture(scope="session")
def shared_city(chain: Chain) -> City:
    return City(chain)


@pytest.fixture
def city(shared_city: City) -> Iterator[City]:
    snapshot = shared_city.chain.rpc("evm_snapshot")
    yield shared_city
    assert shared_city.chain.rpc("evm_revert", snapshot)


@pytest.fixture(scope="session")
def compiler() -> ModuleType:
    """The script that compiles the contracts, as a module."""
    return load_script("compile_contracts")


@pytest.fixture(scope="session")
def harness(chain: Chain, compiler: ModuleType) -> Harness:
    """The contracts' libraries, each function callable by itself."""
    source = "tests/contracts/LibrariesHarness.sol"
    output = compiler.compile_sources(compiler.collect_sources([source]))["contracts"]
    return Harness(chain, output[source]["LibrariesHarness"])

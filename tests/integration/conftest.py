"""One devnet with the contracts deployed for the whole run; each test's chain state is rolled back.
A ``town`` has a chain of its own, and a node in processes that come and go.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from cityledger.devnet import Devnet
from crash.nursery import Nursery
from crash.town import Town, copied_town, found_town
from support.city.deployed_city import DeployedCity, deploy_city
from support.store.databases import fresh_database_url


@pytest.fixture(scope="session")
def devnet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Devnet]:
    """Mines each transaction at once, so that tests need not wait for blocks. It makes none when idle."""
    with Devnet.start(tmp_path_factory.mktemp("devnet"), block_time=0, ipc=True) as running:
        yield running


@pytest.fixture(scope="session")
def deployed(devnet: Devnet, tmp_path_factory: pytest.TempPathFactory) -> DeployedCity:
    """Deployer, council and guard are devnet accounts 0, 1 and 2; no delay. State stays: see ``city``."""
    path = tmp_path_factory.mktemp("deployment") / "manifest.json"
    return deploy_city(devnet, path)


@pytest.fixture
def city(deployed: DeployedCity) -> Iterator[DeployedCity]:
    """The deployed city, empty; what the test does to the chain is undone."""
    snapshot = deployed.endpoint.request("evm_snapshot")
    yield deployed
    deployed.endpoint.request("evm_revert", snapshot)


@pytest.fixture(scope="session")
def founded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("founded")
    found_town(folder)
    return folder


@pytest.fixture(scope="session")
def nursery() -> Iterator[Nursery]:
    with Nursery() as made:
        yield made


@pytest.fixture
def town(founded: Path, tmp_path: Path, nursery: Nursery) -> Iterator[Town]:
    with copied_town(founded, tmp_path, fresh_database_url(tmp_path), nursery) as made:
        yield made

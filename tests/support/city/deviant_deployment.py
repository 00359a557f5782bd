"""Deployments that are not what they should be, each in one way, on a chain of their own."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from unittest import mock

from cityledger.chain.contracts.access_manager import AccessManager
from cityledger.chain.contracts.bound import BoundContract
from cityledger.chain.deploy import deployment
from cityledger.chain.deploy.deployment import Plan
from cityledger.chain.deploy.inspection import Expected, Inspection, verify_deployment
from cityledger.chain.manifest import Manifest
from cityledger.chain.rpc.endpoint import Endpoint
from cityledger.chain.transactions import Call
from cityledger.devnet import Devnet
from cityledger.types import Address
from support.city.deployed_city import COUNCIL, DEPLOYER, GUARD, account, address

Places = dict[str, Address]
Creations = Callable[[Places, dict[str, Call]], dict[str, Call]]
Roles = Callable[[BoundContract], Sequence[Call]]

DELAY = 2 * 86_400
PLAN = Plan(address(COUNCIL), address(GUARD), DELAY, 3_600)


@contextmanager
def bare_chain(folder: Path) -> Iterator[Endpoint]:
    """A devnet without any contract, for one test."""
    with Devnet.start(folder, block_time=0, ipc=True) as running:
        yield running.connect()


def deploy_deviant(
    endpoint: Endpoint,
    folder: Path,
    *,
    creations: Creations = lambda places, calls: calls,
    roles: Roles = lambda manager: (),
    plan: Plan = PLAN,
) -> Manifest:
    """Deploys with other creations, or with more calls to the AccessManager before the deployer leaves, and
    does not verify.
    """
    honest_creations, honest_together = deployment.creations, AccessManager.together

    def changed_creations(places: Places, deployer: Address, plan: Plan) -> dict[str, Call]:
        return creations(places, honest_creations(places, deployer, plan))

    def changed_together(manager: AccessManager, calls: Sequence[Call]) -> Call:
        bound = BoundContract(endpoint, "AccessManager", manager.address)
        return honest_together(manager, [*roles(bound), *calls])

    with (
        mock.patch.object(deployment, "creations", changed_creations),
        mock.patch.object(AccessManager, "together", changed_together),
        mock.patch.object(deployment, "verify_deployment"),
    ):
        return deployment.deploy(endpoint, account(DEPLOYER), plan, folder / "manifest.json")


def with_block(manifest: Manifest, name: str, block: int) -> Manifest:
    """The manifest, but naming another block for one contract."""
    changed = replace(manifest.contracts[name], block=block)
    return replace(manifest, contracts={**manifest.contracts, name: changed})


def inspect(endpoint: Endpoint, manifest: Manifest, **expected: object) -> Inspection:
    return verify_deployment(endpoint, manifest, Expected(**expected))  # type: ignore[arg-type]

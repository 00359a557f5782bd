"""Deployment on a real devnet: a kill after any step, and a second run, end in the same deployment."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import pytest

from cityledger.chain.contracts.access_manager import ADMIN, COUNCIL, GUARD, AccessManager
from cityledger.chain.deploy.deployment import Plan, deploy
from cityledger.chain.deploy.dry_run import rehearse
from cityledger.chain.deploy.inspection import verify_deployment
from cityledger.chain.manifest import load_manifest, save_manifest
from cityledger.chain.rpc.endpoint import Endpoint, connect
from cityledger.chain.sender import Sender
from cityledger.chain.transactions import Call
from cityledger.devnet import Devnet
from cityledger.errors import (
    ChainError,
    ConfigurationError,
    RevertedError,
    VerificationError,
    WrongChainError,
)
from support.city.deployed_city import DeployedCity, account, address

pytestmark = pytest.mark.chain

PLAN = Plan(council=address(1), guard=address(2), council_delay_seconds=0, loosening_delay_seconds=60)
DELAYED = dataclasses.replace(PLAN, council_delay_seconds=3600)
DEPLOYER = account(0)


class KilledError(Exception):
    """Represents SIGKILL: raised by the hook after a step."""


@pytest.fixture
def endpoint(devnet: Devnet) -> Iterator[Endpoint]:
    """The chain as it was before any deployment, whatever ran before; undone afterwards."""
    found = devnet.connect()
    snapshot = found.request("evm_snapshot")
    found.request("anvil_setNonce", DEPLOYER.address, "0x1000")
    yield found
    found.request("evm_revert", snapshot)


def steps_of(endpoint: Endpoint, path: Path) -> list[str]:
    """The steps of a deployment that is not killed; the chain is as before afterwards."""
    steps: list[str] = []
    snapshot = endpoint.request("evm_snapshot")
    deploy(endpoint, DEPLOYER, PLAN, path, hook=steps.append)
    endpoint.request("evm_revert", snapshot)
    return steps


def test_deploy_killed_after_any_step_ends_in_the_same_deployment(endpoint: Endpoint, tmp_path: Path) -> None:
    steps = steps_of(endpoint, tmp_path / "undisturbed.json")
    undisturbed = load_manifest(tmp_path / "undisturbed.json")
    assert len(steps) > 20
    for nth in range(len(steps)):
        snapshot = endpoint.request("evm_snapshot")
        path = tmp_path / f"{nth}.json"
        seen: list[str] = []

        def hook(step: str, seen: list[str] = seen, nth: int = nth) -> None:
            seen.append(step)
            if len(seen) == nth + 1:
                raise KilledError(step)

        with pytest.raises(KilledError):
            deploy(endpoint, DEPLOYER, PLAN, path, hook=hook)
        manifest = deploy(endpoint, DEPLOYER, PLAN, path)

        verify_deployment(endpoint, manifest)
        addresses = {name: one.address for name, one in manifest.contracts.items()}
        assert addresses == {name: one.address for name, one in undisturbed.contracts.items()}, steps[nth]
        assert Sender(endpoint).nonce(manifest.deployer) == 0x1000 + 11, "a step was sent twice"
        assert load_manifest(path) == manifest
        assert not path.with_name(path.name + ".progress").exists()
        endpoint.request("evm_revert", snapshot)


def test_deploy_killed_again_and_again_still_arrives(endpoint: Endpoint, tmp_path: Path) -> None:
    path = tmp_path / "m.json"
    for allowed in range(1, 100):
        left = [allowed]

        def hook(step: str, left: list[int] = left) -> None:
            left[0] -= 1
            if not left[0]:
                raise KilledError(step)

        try:
            deploy(endpoint, DEPLOYER, PLAN, path, hook=hook)
            break
        except KilledError:
            continue
    verify_deployment(endpoint, load_manifest(path))


def test_rehearse_sends_and_writes_nothing_and_tells_what_deploy_does(
    endpoint: Endpoint, tmp_path: Path
) -> None:
    path = tmp_path / "m.json"
    head = endpoint.request("eth_getBlockByNumber", "latest", False)
    price = int(endpoint.request("eth_gasPrice"), 16)
    rehearsal = rehearse(endpoint, address(0), PLAN, path)

    assert list(tmp_path.iterdir()) == []
    assert endpoint.request("eth_getBlockByNumber", "latest", False) == head
    assert endpoint.request("eth_getBlockByNumber", "pending", False)["transactions"] == []
    assert Sender(endpoint).nonce(address(0), "pending") == 0x1000

    manifest = deploy(endpoint, DEPLOYER, PLAN, path)

    created = {step.name: step.contract for step in rehearsal.steps if step.contract is not None}
    assert created == {name: one.address for name, one in manifest.contracts.items()}
    assert [step.nonce for step in rehearsal.steps] == list(range(0x1000, Sender(endpoint).nonce(address(0))))
    for step in rehearsal.steps:
        used = gas_used(endpoint, address(0), step.nonce)
        assert used <= step.gas * 1.001, step
        assert step.is_limit or step.gas < used * 1.05, step
    assert rehearsal.cost_wei == rehearsal.gas * price


def gas_used(endpoint: Endpoint, sender: str, nonce: int) -> int:
    """Of the transaction that the account sent with that nonce."""
    found = endpoint.request("eth_getTransactionBySenderAndNonce", sender, hex(nonce))
    return int(endpoint.request("eth_getTransactionReceipt", found["hash"])["gasUsed"], 16)


def test_rehearse_goes_on_where_a_deployment_was_cut_off(endpoint: Endpoint, tmp_path: Path) -> None:
    path = tmp_path / "m.json"

    def hook(step: str) -> None:
        if step == "sent DataCatalog":
            raise KilledError(step)

    with pytest.raises(KilledError):
        deploy(endpoint, DEPLOYER, PLAN, path, hook=hook)
    rehearsed = {step.name: step.contract for step in rehearse(endpoint, address(0), PLAN, path).steps}
    manifest = deploy(endpoint, DEPLOYER, PLAN, path)
    assert {name: rehearsed[name] for name in manifest.contracts} == {
        name: one.address for name, one in manifest.contracts.items()
    }


def test_rehearse_refuses_where_something_is_deployed(endpoint: Endpoint, tmp_path: Path) -> None:
    path = tmp_path / "m.json"
    deploy(endpoint, DEPLOYER, PLAN, path)
    with pytest.raises(ConfigurationError, match="--replace"):
        rehearse(endpoint, address(0), PLAN, path)
    again = rehearse(endpoint, address(0), PLAN, path, replace=True)
    replaced = deploy(endpoint, DEPLOYER, PLAN, path, replace=True)
    assert again.steps[0].contract == replaced.address("AccessManager")


def test_deploy_twice_changes_nothing(endpoint: Endpoint, tmp_path: Path) -> None:
    first = deploy(endpoint, DEPLOYER, PLAN, tmp_path / "m.json")
    head = endpoint.request("eth_blockNumber")
    assert deploy(endpoint, DEPLOYER, PLAN, tmp_path / "m.json") == first
    assert endpoint.request("eth_blockNumber") == head


def test_deploy_leaves_the_deployer_without_any_role(endpoint: Endpoint, tmp_path: Path) -> None:
    manifest = deploy(endpoint, DEPLOYER, DELAYED, tmp_path / "m.json")
    manager = AccessManager(endpoint, manifest.address("AccessManager"))
    for role in (ADMIN, COUNCIL, GUARD):
        assert manager.find_role(role, manifest.deployer, "latest") is None
    assert manager.find_role(ADMIN, PLAN.council, "latest") == 3600
    assert manager.find_role(COUNCIL, PLAN.council, "latest") == 3600
    assert manager.find_role(GUARD, PLAN.guard, "latest") == 0
    with pytest.raises(RevertedError) as caught:
        Sender(endpoint).transact(DEPLOYER, manager.grant_role(COUNCIL, manifest.deployer, 0))
    assert caught.value.name == "AccessManagerUnauthorizedAccount"


def test_deploy_refuses_a_deployer_that_would_keep_a_role(endpoint: Endpoint, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="neither council nor guard"):
        deploy(endpoint, account(1), PLAN, tmp_path / "m.json")


def test_deploy_refuses_another_plan_for_the_same_manifest(endpoint: Endpoint, tmp_path: Path) -> None:
    deploy(endpoint, DEPLOYER, PLAN, tmp_path / "m.json")
    with pytest.raises(ConfigurationError, match="another guard"):
        deploy(endpoint, DEPLOYER, dataclasses.replace(PLAN, guard=address(5)), tmp_path / "m.json")


def test_deploy_refuses_to_finish_with_other_values(endpoint: Endpoint, tmp_path: Path) -> None:
    def hook(step: str) -> None:
        raise KilledError(step)

    with pytest.raises(KilledError):
        deploy(endpoint, DEPLOYER, PLAN, tmp_path / "m.json", hook=hook)
    with pytest.raises(ConfigurationError, match="begun with another looseningDelay"):
        deploy(endpoint, DEPLOYER, dataclasses.replace(PLAN, loosening_delay_seconds=1), tmp_path / "m.json")


def test_deploy_tells_when_the_account_was_used_elsewhere(endpoint: Endpoint, tmp_path: Path) -> None:
    def hook(step: str) -> None:
        raise KilledError(step)

    with pytest.raises(KilledError):
        deploy(endpoint, DEPLOYER, PLAN, tmp_path / "m.json", hook=hook)
    Sender(endpoint).transact(DEPLOYER, Call(address(9), b"", "something else"))
    with pytest.raises(ChainError, match="another program uses the deployer"):
        deploy(endpoint, DEPLOYER, PLAN, tmp_path / "m.json")
    deploy(endpoint, DEPLOYER, PLAN, tmp_path / "m.json", replace=True)


def test_deploy_after_a_reset_says_what_to_do(endpoint: Endpoint, tmp_path: Path) -> None:
    path = tmp_path / "m.json"
    snapshot = endpoint.request("evm_snapshot")
    deploy(endpoint, DEPLOYER, PLAN, path)
    endpoint.request("evm_revert", snapshot)
    with pytest.raises(ConfigurationError, match="--replace"):
        deploy(endpoint, DEPLOYER, PLAN, path)
    deploy(endpoint, DEPLOYER, PLAN, path, replace=True)
    assert path.with_name("m.json.old").exists()


def test_deploy_refuses_a_manifest_of_another_chain_or_instance(endpoint: Endpoint, tmp_path: Path) -> None:
    path = tmp_path / "m.json"
    manifest = deploy(endpoint, DEPLOYER, PLAN, path)
    save_manifest(path, dataclasses.replace(manifest, chain_id=1))
    with pytest.raises(WrongChainError, match="of chain 1"):
        deploy(endpoint, DEPLOYER, PLAN, path)
    save_manifest(path, dataclasses.replace(manifest, instance=b"\x01" * 32))
    with pytest.raises(WrongChainError, match="of instance 0x0101"):
        deploy(endpoint, DEPLOYER, PLAN, path)


def test_connect_refuses_another_chain_id(devnet: Devnet) -> None:
    with pytest.raises(WrongChainError, match="serves chain 31337; expected chain 1"):
        connect(devnet.rpc_url, 1)


def test_verify_deployment_sees_a_role_that_somebody_else_holds(city: DeployedCity) -> None:
    verify_deployment(city.endpoint, city.manifest)
    city.send(1, city.contracts.manager.grant_role(COUNCIL, address(9), 0))
    with pytest.raises(
        VerificationError, match=f"{address(9)} holds role 1 under a delay of 0 s instead of not at all"
    ):
        verify_deployment(city.endpoint, city.manifest)


def test_verify_deployment_sees_other_code_names_and_function_roles(city: DeployedCity) -> None:
    city.send(1, city.contracts.directory.set("ACCESS_POLICY", address(9)))
    city.send(
        1,
        city.contracts.manager.set_function_role(
            "AgencyRegistry", city.contracts.agencies.address, ["admit"], GUARD
        ),
    )
    with pytest.raises(VerificationError) as caught:
        verify_deployment(city.endpoint, city.manifest)
    assert f"ACCESS_POLICY to {address(9)}" in str(caught.value)
    assert "AgencyRegistry.admit belongs to role 2 instead of 1" in str(caught.value)
    city.endpoint.request("anvil_setCode", city.contracts.policy.address, "0x00")
    with pytest.raises(VerificationError, match=r"AccessPolicy at .* has other code"):
        verify_deployment(city.endpoint, city.manifest)


def test_the_council_acts_only_after_its_delay(endpoint: Endpoint, tmp_path: Path) -> None:
    manifest = deploy(endpoint, DEPLOYER, DELAYED, tmp_path / "m.json")
    manager = AccessManager(endpoint, manifest.address("AccessManager"))
    sender, council = Sender(endpoint), account(1)
    call = manager.grant_role(GUARD, address(7), 0)
    with pytest.raises(RevertedError):
        sender.transact(council, call)
    assert manager.find_schedule(DELAYED.council, call, "latest") is None
    sender.transact(council, manager.schedule(call))
    due = manager.find_schedule(DELAYED.council, call, "latest")
    assert due is not None
    endpoint.request("evm_setNextBlockTimestamp", due)
    endpoint.request("evm_mine")
    sender.transact(council, call)
    assert manager.find_role(GUARD, address(7), "latest") == 0

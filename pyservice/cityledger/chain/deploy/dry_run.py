"""A deployment as it would be: addresses, gas and cost. Reads the chain, sends nothing, writes nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from cityledger.chain.abi.artifacts import load_artifact
from cityledger.chain.deploy.deployment import (
    FIRST_ROUND,
    Plan,
    created_address,
    creations,
    deployment_progress,
    naming,
    roles,
    verify_plan,
)
from cityledger.chain.deploy.journal import next_nonces
from cityledger.chain.rpc.endpoint import Endpoint, call_parameters, to_hex
from cityledger.chain.sender import Sender
from cityledger.chain.transactions import Call
from cityledger.errors import ConfigurationError
from cityledger.types import Address

_ANY_INSTANCE = b"\xff" * 32
"""A placeholder for the instance, which the directory's block will give. It is an immutable: any value costs
the same, and this one has no zero byte, which would be cheaper."""


@dataclass(frozen=True, slots=True)
class Step:
    """A transaction of the deployment. ``contract`` is the address of the one that it creates; ``gas`` is
    an estimate, or its limit where ``is_limit``.
    """

    name: str
    nonce: int
    contract: Address | None
    gas: int
    is_limit: bool


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """``gas_price_wei`` is the endpoint's present price; the cost is an upper estimate."""

    deployer: Address
    steps: tuple[Step, ...]
    gas_price_wei: int

    @property
    def gas(self) -> int:
        return sum(step.gas for step in self.steps)

    @property
    def cost_wei(self) -> int:
        return self.gas * self.gas_price_wei


def rehearse(
    endpoint: Endpoint, deployer: Address, plan: Plan, manifest_path: Path, *, replace: bool = False
) -> Rehearsal:
    """The transactions that ``deploy`` with the same arguments would send, in that order.

    Raises:
        ConfigurationError: there is a deployment at that path already, or the plan contradicts itself.
        WrongChainError, ConfigurationError: one that was cut off there is of another chain or plan.
    """
    verify_plan(plan, deployer)
    if manifest_path.exists() and not replace:
        raise ConfigurationError(f"{manifest_path} exists already: nothing would be sent without --replace")
    nonces = _nonces(endpoint, deployer, plan, manifest_path, replace=replace)
    places = {name: created_address(deployer, nonce) for name, nonce in nonces.items()}
    calls = {
        **creations(places, deployer, plan),
        **naming(endpoint, places, _ANY_INSTANCE),
        "roles": roles(endpoint, places, deployer, plan),
    }
    first = nonces[FIRST_ROUND[0]]
    steps = [
        _step(endpoint, deployer, places, name, first + index, call)
        for index, (name, call) in enumerate(calls.items())
    ]
    return Rehearsal(deployer, tuple(steps), int(endpoint.request("eth_gasPrice"), 16))


def _step(
    endpoint: Endpoint, deployer: Address, places: Mapping[str, Address], name: str, nonce: int, call: Call
) -> Step:
    # A call to a contract that does not exist yet cannot be estimated; its limit is the most it may use.
    used = _gas(endpoint, deployer, call, places) if call.to is None else None
    return Step(name, nonce, places.get(name), call.gas or 0 if used is None else used, used is None)


def _nonces(
    endpoint: Endpoint, deployer: Address, plan: Plan, manifest_path: Path, *, replace: bool
) -> dict[str, int]:
    sender = Sender(endpoint)
    if replace:
        first = sender.nonce(deployer, "pending")
        return {name: first + index for index, name in enumerate((*FIRST_ROUND, "RecordLedger"))}
    progress = deployment_progress(endpoint, deployer, plan, manifest_path)
    return next_nonces(sender, deployer, progress, (*FIRST_ROUND, "RecordLedger"))


def _gas(endpoint: Endpoint, deployer: Address, call: Call, places: Mapping[str, Address]) -> int | None:
    """The gas of the contract's creation; None where the endpoint cannot estimate it.

    The catalog's constructor calls the directory, which does not exist yet: the request puts its code there.
    """
    directory = {places["CityDirectory"]: {"code": to_hex(load_artifact("CityDirectory").deployed_bytecode)}}
    parameters = [call_parameters(call.to, call.data, deployer), "latest", directory]
    answer = endpoint.ask("eth_estimateGas", *parameters)
    return None if answer.error else int(answer.result, 16)

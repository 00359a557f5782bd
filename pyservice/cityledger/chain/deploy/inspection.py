"""Checks a deployment from the outside: creation, code, wiring, names, and who governs it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields

from cityledger.chain.abi.artifacts import CONTRACT_NAMES, load_artifact
from cityledger.chain.contracts.access_manager import AccessManager
from cityledger.chain.contracts.bound import BoundContract
from cityledger.chain.contracts.city_directory import CityDirectory
from cityledger.chain.deploy.creations import find_creations
from cityledger.chain.deploy.governance import (
    Waiting,
    changes_governance,
    read_history,
    waiting_operations,
    wrong_governance,
)
from cityledger.chain.deploy.immutables import immutables_of
from cityledger.chain.deploy.roles import DIRECTORY_NAMES
from cityledger.chain.manifest import Manifest
from cityledger.chain.rpc.endpoint import Endpoint, to_hex
from cityledger.errors import ChainError, VerificationError, WrongChainError
from cityledger.types import Address, BlockRef


@dataclass(frozen=True, slots=True)
class Expected:
    """Values of a deployment that an operator knows from another source; None is not compared. Delays in
    seconds."""

    council: Address | None = None
    guard: Address | None = None
    deployer: Address | None = None
    directory: Address | None = None
    council_delay_seconds: int | None = None
    loosening_delay_seconds: int | None = None

    @property
    def compared(self) -> list[str]:
        """The names of what is compared."""
        return [one.name for one in fields(self) if getattr(self, one.name) is not None]


@dataclass(frozen=True, slots=True)
class Inspection:
    """Results of a verification for the operator to judge."""

    block: BlockRef
    waiting: tuple[Waiting, ...]
    """Scheduled operations; each leaves the governance as it is."""


def verify_deployment(endpoint: Endpoint, manifest: Manifest, expected: Expected | None = None) -> Inspection:
    """(1) the manifest has the expected values; (2) creation by this program's code; (3) code and immutables;
    (4) authorities; (5) names; (6) roles, functions and targets, that council and guard hold
    their roles and no other account, the deployer included, holds any; (7) that nothing is scheduled which
    would change that. All at one block; events from the block on that created the AccessManager.

    Raises:
        WrongChainError: another chain id.
        VerificationError: a check failed; names all that failed.
    """
    if manifest.chain_id != endpoint.chain_id:
        raise WrongChainError(
            f"the manifest is of chain {manifest.chain_id}; the endpoint serves {endpoint.chain_id}"
        )
    block = _head(endpoint)
    wrong = _unexpected(manifest, expected or Expected())
    blocks, complaints = find_creations(endpoint, manifest)
    wrong += complaints
    wrong_code = list(_wrong_code(endpoint, manifest, block))
    wrong += wrong_code
    waiting: list[Waiting] = []
    # Without the right code and the block of creation the other checks have no meaning.
    if not wrong_code and "AccessManager" in blocks:
        try:
            more, waiting = _governance(endpoint, manifest, blocks["AccessManager"], block)
            wrong += more
        except ChainError as error:
            wrong.append(str(error))
    if wrong:
        raise VerificationError("the deployment is not what the manifest says: " + "; ".join(wrong))
    return Inspection(block, tuple(waiting))


def manifest_values(manifest: Manifest) -> dict[str, Address | int]:
    """The manifest's values of the fields of ``Expected``."""
    return {
        "council": manifest.council,
        "guard": manifest.guard,
        "deployer": manifest.deployer,
        "directory": manifest.address("CityDirectory"),
        "council_delay_seconds": manifest.council_delay_seconds,
        "loosening_delay_seconds": manifest.loosening_delay_seconds,
    }


def _head(endpoint: Endpoint) -> BlockRef:
    block = endpoint.head()
    return BlockRef(int(block["number"], 16), bytes.fromhex(block["hash"][2:]), int(block["timestamp"], 16))


def _unexpected(manifest: Manifest, expected: Expected) -> list[str]:
    values: Mapping[str, object] = manifest_values(manifest)
    return [
        f"{name} is {values[name]} instead of the expected {getattr(expected, name)}"
        for name in expected.compared
        if values[name] != getattr(expected, name)
    ]


def _governance(
    endpoint: Endpoint, manifest: Manifest, first: int, block: BlockRef
) -> tuple[list[str], list[Waiting]]:
    manager = AccessManager(endpoint, manifest.address("AccessManager"))
    history = read_history(endpoint, manager.address, first, block)
    wrong = list(_wrong_authorities(endpoint, manifest, block))
    wrong += _wrong_names(endpoint, manifest, block)
    wrong += wrong_governance(manager, manifest, history, block)
    waiting = waiting_operations(manager, history, block)
    wrong += [f"scheduled: {one}" for one in waiting if changes_governance(one, manifest)]
    return wrong, waiting


def _wrong_code(endpoint: Endpoint, manifest: Manifest, block: BlockRef) -> Iterator[str]:
    for name in CONTRACT_NAMES:
        artifact, code = load_artifact(name), endpoint.code(manifest.address(name), block)
        if artifact.without_immutables(code) != artifact.deployed_bytecode:
            yield f"{name} at {manifest.address(name)} has {'other' if code else 'no'} code"
            continue
        values = immutables_of(manifest)[name]
        words = artifact.immutables_in(code)
        for variable, value in values.items():
            if words[variable] != {value}:
                shown = " and ".join(sorted(to_hex(one) for one in words[variable]))
                yield f"{name}.{variable} is {shown} instead of {to_hex(value)}"


def _wrong_authorities(endpoint: Endpoint, manifest: Manifest, block: BlockRef) -> Iterator[str]:
    for name in ("CityDirectory", "AgencyRegistry", "DataCatalog"):
        authority = BoundContract(endpoint, name, manifest.address(name)).read(block, "authority")
        if authority != manifest.address("AccessManager"):
            yield f"{name}.authority is {authority} instead of {manifest.address('AccessManager')}"


def _wrong_names(endpoint: Endpoint, manifest: Manifest, block: BlockRef) -> Iterator[str]:
    directory = CityDirectory(endpoint, manifest.address("CityDirectory"))
    for name, word in DIRECTORY_NAMES.items():
        target, _ = directory.find_address(word, block)
        if target != manifest.address(name):
            yield f"the directory leads {word} to {target} instead of {manifest.address(name)}"

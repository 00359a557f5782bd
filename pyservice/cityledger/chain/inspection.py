"""Checks a deployment from the outside: code, wiring, names, and who holds which role."""

from __future__ import annotations

from collections.abc import Iterator

from eth_utils.address import to_checksum_address
from eth_utils.crypto import keccak

from cityledger.chain.abi import selectors_of
from cityledger.chain.artifacts import CONTRACT_NAMES, load_artifact
from cityledger.chain.contracts.access_manager import ADMIN, COUNCIL, GUARD, AccessManager
from cityledger.chain.contracts.bound import BoundContract
from cityledger.chain.contracts.directory import CityDirectory
from cityledger.chain.endpoint import Endpoint, to_hex
from cityledger.chain.manifest import Manifest
from cityledger.chain.roles import DIRECTORY_NAMES, FUNCTION_ROLES
from cityledger.errors import ChainError, VerificationError, WrongChainError
from cityledger.types import Address, BlockRef

_ROLE_GRANTED = keccak(text="RoleGranted(uint64,address,uint32,uint48,bool)")


def verify_deployment(endpoint: Endpoint, manifest: Manifest) -> None:
    """(1) code, (2) wiring and instance, (3) names, (4) functions' roles, (5) that council and guard hold
    theirs and nobody else holds any, the deployer least of all. All at one block.

    Raises:
        WrongChainError: another chain id.
        VerificationError: something does not hold; names everything.
    """
    if manifest.chain_id != endpoint.chain_id:
        raise WrongChainError(
            f"the manifest is of chain {manifest.chain_id}; the endpoint serves {endpoint.chain_id}"
        )
    block = _head(endpoint)
    wrong = list(_wrong_code(endpoint, manifest, block))
    if not wrong:  # without the right code the other questions have no meaning
        try:
            wrong += _wrong_wiring(endpoint, manifest, block)
            wrong += _wrong_names(endpoint, manifest, block)
            wrong += _wrong_function_roles(endpoint, manifest, block)
            wrong += _wrong_members(endpoint, manifest, block)
        except ChainError as error:
            wrong.append(str(error))
    if wrong:
        raise VerificationError("the deployment is not what the manifest says: " + "; ".join(wrong))


def _head(endpoint: Endpoint) -> BlockRef:
    held = endpoint.request("eth_getBlockByNumber", "latest", False)
    return BlockRef(int(held["number"], 16), bytes.fromhex(held["hash"][2:]), int(held["timestamp"], 16))


def _wrong_code(endpoint: Endpoint, manifest: Manifest, block: BlockRef) -> Iterator[str]:
    for name in CONTRACT_NAMES:
        artifact = load_artifact(name)
        code = bytearray(endpoint.code(manifest.address(name), block))
        if len(code) == len(artifact.deployed_bytecode):
            for start, length in artifact.immutables:
                code[start : start + length] = artifact.deployed_bytecode[start : start + length]
        if bytes(code) != artifact.deployed_bytecode:
            yield f"{name} at {manifest.address(name)} has {'other' if code else 'no'} code"


def _wrong_wiring(endpoint: Endpoint, manifest: Manifest, block: BlockRef) -> Iterator[str]:
    manager, registry, catalog = (
        manifest.address(name) for name in ("AccessManager", "AgencyRegistry", "DataCatalog")
    )
    expected: list[tuple[str, str, object]] = [
        ("CityDirectory", "authority", manager),
        ("AgencyRegistry", "authority", manager),
        ("DataCatalog", "authority", manager),
        ("RecordLedger", "registry", registry),
        ("RecordLedger", "catalog", catalog),
        ("AccessPolicy", "registry", registry),
        ("AccessPolicy", "catalog", catalog),
        ("CityDirectory", "instance", manifest.instance),
        ("DataCatalog", "instance", manifest.instance),
        ("RecordLedger", "instance", manifest.instance),
        ("DataCatalog", "looseningDelay", manifest.loosening_delay_seconds),
    ]
    for name, function, value in expected:
        held = BoundContract(endpoint, name, manifest.address(name)).read(block, function)
        if held != value:
            yield f"{name}.{function} is {_shown(held)} instead of {_shown(value)}"


def _wrong_names(endpoint: Endpoint, manifest: Manifest, block: BlockRef) -> Iterator[str]:
    directory = CityDirectory(endpoint, manifest.address("CityDirectory"))
    for name, word in DIRECTORY_NAMES.items():
        target, _ = directory.find_address(word, block)
        if target != manifest.address(name):
            yield f"the directory leads {word} to {target} instead of {manifest.address(name)}"


def _wrong_function_roles(endpoint: Endpoint, manifest: Manifest, block: BlockRef) -> Iterator[str]:
    manager = AccessManager(endpoint, manifest.address("AccessManager"))
    for (name, role), functions in FUNCTION_ROLES.items():
        for function, selector in zip(functions, selectors_of(name, functions), strict=True):
            held = manager.role_of_function(manifest.address(name), selector, block)
            if held != role:
                yield f"{name}.{function} belongs to role {held} instead of {role}"


def _wrong_members(endpoint: Endpoint, manifest: Manifest, block: BlockRef) -> Iterator[str]:
    manager = AccessManager(endpoint, manifest.address("AccessManager"))
    delay = manifest.council_delay_seconds
    expected = {
        (ADMIN, manifest.council): delay,
        (COUNCIL, manifest.council): delay,
        (GUARD, manifest.guard): 0,
    }
    asked = _ever_granted(endpoint, manifest, block) | expected.keys()
    asked |= {(role, manifest.deployer) for role in (ADMIN, COUNCIL, GUARD)}
    for role, account in sorted(asked):
        held, wanted = manager.find_role(role, account, block), expected.get((role, account))
        if held != wanted:
            yield f"{account} holds role {role} {_under(held)} instead of {_under(wanted)}"


def _ever_granted(endpoint: Endpoint, manifest: Manifest, block: BlockRef) -> set[tuple[int, Address]]:
    manager = manifest.contracts["AccessManager"]
    logs = endpoint.logs(manager.block, block.number, address=manager.address, topics=[to_hex(_ROLE_GRANTED)])
    return {
        (int(log["topics"][1], 16), Address(to_checksum_address("0x" + log["topics"][2][-40:])))
        for log in logs
    }


def _under(delay: int | None) -> str:
    return "not at all" if delay is None else f"under a delay of {delay} s"


def _shown(value: object) -> str:
    return to_hex(value) if isinstance(value, bytes) else str(value)

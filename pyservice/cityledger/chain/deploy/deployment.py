"""Deploys the contracts, hands the city to council and guard, and checks that no other account has a role.

Three rounds, each as few blocks as the chain allows: (1) the contracts, whose addresses follow from nonces;
(2) the ledger, which needs the directory's instance, and the names; (3) all roles in one transaction, which
also removes the deployer's.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path

from eth_account.signers.local import LocalAccount
from eth_utils.address import to_checksum_address
from eth_utils.crypto import keccak
from rlp import encode as rlp_encode

from cityledger.chain.abi.artifacts import CONTRACT_NAMES
from cityledger.chain.abi.codec import encode_creation
from cityledger.chain.contracts.access_manager import ADMIN, COUNCIL, GUARD, AccessManager
from cityledger.chain.contracts.city_directory import CityDirectory
from cityledger.chain.deploy.inspection import verify_deployment
from cityledger.chain.deploy.journal import Hook, Progress, next_nonces, open_progress, run_round
from cityledger.chain.deploy.roles import DIRECTORY_NAMES, FUNCTION_ROLES
from cityledger.chain.manifest import DeployedContract, Manifest, load_manifest, save_manifest
from cityledger.chain.rpc.endpoint import Endpoint
from cityledger.chain.sender import Sender
from cityledger.chain.transactions import Call, TransactionReceipt
from cityledger.errors import ConfigurationError, WrongChainError
from cityledger.types import Address

_log = logging.getLogger(__name__)

FIRST_ROUND = ("AccessManager", "CityDirectory", "AgencyRegistry", "DataCatalog", "AccessPolicy")
_ROLES_GAS = 2_000_000


@dataclass(frozen=True, slots=True)
class Plan:
    """A city's decisions before it deploys. Delays in seconds; 0 only on a devnet."""

    council: Address
    guard: Address
    council_delay_seconds: int
    loosening_delay_seconds: int
    commit: str = "unknown"
    """The source that is deployed, as git names it."""


def deploy(
    endpoint: Endpoint,
    deployer: LocalAccount,
    plan: Plan,
    manifest_path: Path,
    *,
    replace: bool = False,
    hook: Hook = lambda step: None,
) -> Manifest:
    """Deploys, or finishes a deployment that was cut off, or finds it done; writes the manifest at the very
    end.

    ``replace`` renames an older manifest (``.old``) and starts from scratch.

    Raises:
        WrongChainError: the manifest at that path is of another chain or instance.
        ConfigurationError: it is of a chain that was reset, or was made with other values; the message says
            what to do.
        RevertedError: a transaction was refused.
        VerificationError: the deployment on the chain is not as planned.
    """
    verify_plan(plan, Address(deployer.address))
    progress_path = _progress_path(manifest_path)
    if replace:
        _set_aside(manifest_path, progress_path)
    if manifest_path.exists():
        manifest = load_manifest(manifest_path)
        _verify_same(endpoint, manifest, manifest_path, plan)
        verify_deployment(endpoint, manifest)
        progress_path.unlink(missing_ok=True)
        return manifest
    progress = deployment_progress(endpoint, Address(deployer.address), plan, manifest_path)
    manifest = _run(endpoint, deployer, plan, progress, hook)
    verify_deployment(endpoint, manifest)
    hook("verified")
    save_manifest(manifest_path, manifest)
    hook("saved manifest")
    progress_path.unlink()
    _log.info(
        "deployed", extra={"chain_id": manifest.chain_id, "directory": manifest.address("CityDirectory")}
    )
    return manifest


def verify_manifest(endpoint: Endpoint, manifest: Manifest, where: str) -> None:
    """Checks that the manifest is of this chain and that its deployment still exists there.

    Raises:
        WrongChainError: another chain id or instance.
        ConfigurationError: the contract does not exist: the chain was reset.
    """
    if manifest.chain_id != endpoint.chain_id:
        raise WrongChainError(
            f"{where} is of chain {manifest.chain_id}; the endpoint serves {endpoint.chain_id}"
        )
    address = manifest.address("CityDirectory")
    if not endpoint.code(address):
        raise ConfigurationError(
            f"{where} names a directory at {address}, which has no code: the chain was reset. "
            "Deploy again with `cityledger contracts deploy --replace`"
        )
    instance = CityDirectory(endpoint, address).instance("latest")
    if instance != manifest.instance:
        raise WrongChainError(
            f"{where} is of instance 0x{manifest.instance.hex()}, but the chain has 0x{instance.hex()}: "
            "the chain was reset. Deploy again with `cityledger contracts deploy --replace`"
        )


def created_address(account: Address, nonce: int) -> Address:
    """The address of a contract that the account creates with that nonce."""
    preimage = rlp_encode([bytes.fromhex(account[2:]), nonce])
    return Address(to_checksum_address(keccak(preimage)[12:]))


def deployment_progress(endpoint: Endpoint, deployer: Address, plan: Plan, manifest_path: Path) -> Progress:
    """The progress of the deployment to that path on this chain; raises as ``open_progress``."""
    return open_progress(_progress_path(manifest_path), endpoint, _plan_values(plan, deployer))


def _progress_path(manifest_path: Path) -> Path:
    return manifest_path.with_name(manifest_path.name + ".progress")


def _run(endpoint: Endpoint, account: LocalAccount, plan: Plan, progress: Progress, hook: Hook) -> Manifest:
    sender, deployer = Sender(endpoint), Address(account.address)
    nonces = next_nonces(sender, deployer, progress, FIRST_ROUND)
    places = {name: created_address(deployer, nonce) for name, nonce in nonces.items()}
    receipts = run_round(sender, account, progress, creations(places, deployer, plan), hook)

    instance = CityDirectory(endpoint, places["CityDirectory"]).instance("latest")
    nonces = next_nonces(sender, deployer, progress, ["RecordLedger"])
    places["RecordLedger"] = created_address(deployer, nonces["RecordLedger"])
    receipts |= run_round(sender, account, progress, naming(endpoint, places, instance), hook)

    last = {"roles": roles(endpoint, places, deployer, plan)}
    run_round(sender, account, progress, last, hook)
    return Manifest(
        chain_id=endpoint.chain_id,
        instance=instance,
        commit=plan.commit,
        deployer=deployer,
        loosening_delay_seconds=plan.loosening_delay_seconds,
        council_delay_seconds=plan.council_delay_seconds,
        council=plan.council,
        guard=plan.guard,
        contracts={name: _deployed(places[name], receipts[name]) for name in CONTRACT_NAMES},
    )


def creations(places: dict[str, Address], deployer: Address, plan: Plan) -> dict[str, Call]:
    """The first round, by the contract that each call creates at its place."""
    manager, registry = places["AccessManager"], places["AgencyRegistry"]
    delay = plan.loosening_delay_seconds
    return {
        "AccessManager": _creation("AccessManager", deployer),
        "CityDirectory": _creation("CityDirectory", manager),
        "AgencyRegistry": _creation("AgencyRegistry", manager),
        "DataCatalog": _creation("DataCatalog", manager, registry, places["CityDirectory"], delay),
        "AccessPolicy": _creation("AccessPolicy", registry, places["DataCatalog"]),
    }


def naming(endpoint: Endpoint, places: dict[str, Address], instance: bytes) -> dict[str, Call]:
    """The second round: the ledger, and each contract's name in the directory."""
    directory = CityDirectory(endpoint, places["CityDirectory"])
    ledger = _creation("RecordLedger", places["AgencyRegistry"], places["DataCatalog"], instance)
    named = {f"name {word}": directory.set(word, places[name]) for name, word in DIRECTORY_NAMES.items()}
    # A limit instead of an estimate: the ledger is named in the block that creates it.
    return {"RecordLedger": ledger, **{step: _limited(call, 150_000) for step, call in named.items()}}


def roles(endpoint: Endpoint, places: dict[str, Address], deployer: Address, plan: Plan) -> Call:
    """All roles at once: in no block is a function without a role, or with deployer and council both."""
    manager = AccessManager(endpoint, places["AccessManager"])
    calls = [
        manager.set_function_role(name, places[name], functions, role)
        for (name, role), functions in FUNCTION_ROLES.items()
    ]
    calls += [manager.label_role(COUNCIL, "COUNCIL"), manager.label_role(GUARD, "GUARD")]
    calls += [
        manager.grant_role(COUNCIL, plan.council, plan.council_delay_seconds),
        manager.grant_role(GUARD, plan.guard, 0),
        manager.grant_role(ADMIN, plan.council, plan.council_delay_seconds),
        manager.renounce_role(ADMIN, deployer),
    ]
    return _limited(manager.together(calls), _ROLES_GAS)


def _creation(name: str, *arguments: object) -> Call:
    data = encode_creation(name, arguments)
    # 200 gas a byte of code, 16 a byte of calldata and 1 for its hash; the rest is for constructors.
    return Call(None, data, f"create {name}", gas=500_000 + 220 * len(data))


def _limited(call: Call, gas: int) -> Call:
    return Call(call.to, call.data, call.what, gas)


def _deployed(address: Address, receipt: TransactionReceipt) -> DeployedContract:
    return DeployedContract(address, receipt.block_number, receipt.transaction)


def verify_plan(plan: Plan, deployer: Address) -> None:
    """Raises ConfigurationError where the plan would leave the deployer with a role."""
    if deployer in (plan.council, plan.guard):
        raise ConfigurationError(
            "the deployer may be neither council nor guard: it must end without any role"
        )


def _plan_values(plan: Plan, deployer: Address) -> dict[str, object]:
    return {
        "deployer": deployer,
        "council": plan.council,
        "guard": plan.guard,
        "councilDelay": plan.council_delay_seconds,
        "looseningDelay": plan.loosening_delay_seconds,
        "commit": plan.commit,
    }


def _verify_same(endpoint: Endpoint, manifest: Manifest, path: Path, plan: Plan) -> None:
    verify_manifest(endpoint, manifest, str(path))
    pairs = {
        "council": (manifest.council, plan.council),
        "guard": (manifest.guard, plan.guard),
        "councilDelay": (manifest.council_delay_seconds, plan.council_delay_seconds),
        "looseningDelay": (manifest.loosening_delay_seconds, plan.loosening_delay_seconds),
    }
    other = [name for name, (current, wanted) in pairs.items() if current != wanted]
    if other:
        raise ConfigurationError(
            f"{path} was deployed with another {', '.join(other)}; "
            "use another --manifest, or --replace to start from scratch"
        )


def _set_aside(manifest_path: Path, progress_path: Path) -> None:
    if manifest_path.exists():
        manifest_path.replace(manifest_path.with_name(manifest_path.name + ".old"))
    progress_path.unlink(missing_ok=True)

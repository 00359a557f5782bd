"""Each way in which a deployment can be subtly wrong, and what `verify_deployment` says of it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from eth_abi.abi import encode
from eth_utils.crypto import keccak

from cityledger.chain.abi.artifacts import load_artifact
from cityledger.chain.abi.codec import selectors_of
from cityledger.chain.contracts import contracts_of
from cityledger.chain.contracts.access_manager import ADMIN, COUNCIL, GUARD
from cityledger.chain.contracts.bound import BoundContract
from cityledger.chain.manifest import Manifest
from cityledger.chain.rpc.endpoint import Endpoint, to_hex
from cityledger.chain.sender import Sender
from cityledger.chain.transactions import Call
from cityledger.errors import VerificationError
from cityledger.types import purpose_from_name
from support.city.deployed_city import DEPLOYER, account, address
from support.city.deviant_deployment import DELAY, PLAN, Places, bare_chain, deploy_deviant, inspect

pytestmark = pytest.mark.chain
OTHER_ROLE = 7


@pytest.fixture(scope="module")
def chain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Endpoint]:
    with bare_chain(tmp_path_factory.mktemp("chain")) as endpoint:
        yield endpoint


@pytest.fixture
def endpoint(chain: Endpoint) -> Iterator[Endpoint]:
    snapshot = chain.request("evm_snapshot")
    yield chain
    chain.request("evm_revert", snapshot)


def council_calls(endpoint: Endpoint, manifest: Manifest, *calls: Call) -> None:
    """Schedules as the council, and waits until it may make the calls, without making them."""
    manager, sender = contracts_of(endpoint, manifest).manager, Sender(endpoint)
    for call in calls:
        sender.transact(account(1), manager.schedule(call))


def test_verify_deployment_takes_what_deploy_makes(endpoint: Endpoint, tmp_path: Path) -> None:
    manifest = deploy_deviant(endpoint, tmp_path)
    found = inspect(
        endpoint,
        manifest,
        council=address(1),
        guard=address(2),
        deployer=address(0),
        directory=manifest.address("CityDirectory"),
        council_delay_seconds=DELAY,
        loosening_delay_seconds=3_600,
    )
    assert found.waiting == ()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("council", address(9)),
        ("guard", address(9)),
        ("deployer", address(9)),
        ("directory", address(9)),
        ("council_delay_seconds", 0),
        ("loosening_delay_seconds", 0),
    ],
)
def test_verify_deployment_compares_with_what_the_operator_expects(
    endpoint: Endpoint, tmp_path: Path, name: str, value: object
) -> None:
    manifest = deploy_deviant(endpoint, tmp_path)
    with pytest.raises(VerificationError, match=f"{name} is .* instead of the expected {value}"):
        inspect(endpoint, manifest, **{name: value})


ROLES: dict[str, tuple[Callable[[BoundContract], Sequence[Call]], str]] = {
    "a role of its own for a stranger": (
        lambda manager: [manager.prepare("grantRole", OTHER_ROLE, address(9), 0)],
        f"{address(9)} holds role 7 under a delay of 0 s",
    ),
    "another role's admin": (
        lambda manager: [manager.prepare("setRoleAdmin", OTHER_ROLE, COUNCIL)],
        "the admin of role 7 is role 1",
    ),
    "the guard's guardian": (
        lambda manager: [manager.prepare("setRoleGuardian", GUARD, OTHER_ROLE)],
        "the guardian of role 2 is role 7",
    ),
    "a grant delay": (
        lambda manager: [manager.prepare("setGrantDelay", GUARD, 400 * 86_400)],
        "role 2 has a grant delay of 34560000 s",
    ),
    "the admin role's grant delay": (
        lambda manager: [manager.prepare("setGrantDelay", ADMIN, 60)],
        "role 0 has a grant delay of 60 s",
    ),
    "the guard's delay": (
        # Granting again only changes the delay, and a shorter one waits for a setback.
        lambda manager: [manager.prepare("grantRole", GUARD, address(2), 60)],
        f"{address(2)} holds role 2 under a delay of 60 s, 0 s from",
    ),
}


@pytest.mark.parametrize("roles,said", ROLES.values(), ids=ROLES.keys())
def test_verify_deployment_sees_other_roles(
    endpoint: Endpoint, tmp_path: Path, roles: Callable[[BoundContract], Sequence[Call]], said: str
) -> None:
    manifest = deploy_deviant(endpoint, tmp_path, roles=roles)
    with pytest.raises(VerificationError) as caught:
        inspect(endpoint, manifest)
    assert said in str(caught.value)


def with_target(function: str, name: str, *more: object) -> Callable[[Endpoint, Manifest], Call]:
    def prepared(endpoint: Endpoint, manifest: Manifest) -> Call:
        manager = BoundContract(endpoint, "AccessManager", manifest.address("AccessManager"))
        return manager.prepare(function, manifest.address(name), *more)

    return prepared


TARGETS = {
    "closed": (with_target("setTargetClosed", "AgencyRegistry", True), "AgencyRegistry is closed"),
    "admin delay": (
        with_target("setTargetAdminDelay", "DataCatalog", 60),
        "DataCatalog has an admin delay of 60 s",
    ),
    "the guard's function given to the council": (
        with_target(
            "setTargetFunctionRole", "AgencyRegistry", selectors_of("AgencyRegistry", ["suspend"]), COUNCIL
        ),
        "AgencyRegistry.suspend belongs to role 1 instead of 2",
    ),
    "a function that is no role's": (
        with_target("setTargetFunctionRole", "DataCatalog", selectors_of("DataCatalog", ["grant"]), GUARD),
        "DataCatalog.grant belongs to role 2 instead of 0",
    ),
    "an unknown function": (
        with_target("setTargetFunctionRole", "RecordLedger", [b"\1\2\3\4"], GUARD),
        "RecordLedger.0x01020304 belongs to role 2 instead of 0",
    ),
    "another authority": (
        with_target("updateAuthority", "CityDirectory", address(9)),
        f"CityDirectory.authority is {address(9)}",
    ),
}


@pytest.mark.parametrize("prepared,said", TARGETS.values(), ids=TARGETS.keys())
def test_verify_deployment_sees_what_the_admin_changed(
    endpoint: Endpoint, tmp_path: Path, prepared: Callable[[Endpoint, Manifest], Call], said: str
) -> None:
    plan = dataclasses.replace(PLAN, council_delay_seconds=0)
    manifest = deploy_deviant(endpoint, tmp_path, plan=plan)
    endpoint.request("anvil_setCode", address(9), to_hex(endpoint.code(manifest.address("AccessManager"))))
    inspect(endpoint, manifest)
    Sender(endpoint).transact(account(1), prepared(endpoint, manifest))
    with pytest.raises(VerificationError) as caught:
        inspect(endpoint, manifest)
    assert said in str(caught.value)


@pytest.mark.parametrize("name", ["AGENCY_REGISTRY", "DATA_CATALOG", "RECORD_LEDGER", "ACCESS_POLICY"])
def test_verify_deployment_sees_another_directory_entry(
    endpoint: Endpoint, tmp_path: Path, name: str
) -> None:
    plan = dataclasses.replace(PLAN, council_delay_seconds=0)
    manifest = deploy_deviant(endpoint, tmp_path, plan=plan)
    directory = contracts_of(endpoint, manifest).directory
    Sender(endpoint).transact(account(1), directory.set(name, address(9)))
    with pytest.raises(VerificationError, match=f"the directory leads {name} to {address(9)}"):
        inspect(endpoint, manifest)


def test_verify_deployment_sees_a_waiting_operation_that_changes_it(
    endpoint: Endpoint, tmp_path: Path
) -> None:
    manifest = deploy_deviant(endpoint, tmp_path)
    contracts = contracts_of(endpoint, manifest)
    council_calls(endpoint, manifest, contracts.manager.grant_role(COUNCIL, address(9), 0))
    with pytest.raises(VerificationError, match=f"scheduled: {address(1)} may call grantRole"):
        inspect(endpoint, manifest)
    council_calls(endpoint, manifest, contracts.directory.set("ACCESS_POLICY", address(9)))
    with pytest.raises(VerificationError, match=f"scheduled: {address(1)} may call set of"):
        inspect(endpoint, manifest)


def test_verify_deployment_tells_of_a_waiting_operation_of_every_day(
    endpoint: Endpoint, tmp_path: Path
) -> None:
    manifest = deploy_deviant(endpoint, tmp_path)
    catalog = contracts_of(endpoint, manifest).catalog
    council_calls(endpoint, manifest, catalog.add_purpose(purpose_from_name("TREATMENT")))
    (waiting,) = inspect(endpoint, manifest).waiting
    assert (waiting.caller, waiting.target, waiting.function) == (address(1), catalog.address, "addPurpose")


def test_verify_deployment_sees_creation_code_that_leaves_the_same_code(
    endpoint: Endpoint, tmp_path: Path
) -> None:
    """A constructor can put a member into a role without any event, and the code does not tell."""
    manifest = deploy_deviant(endpoint, tmp_path, creations=with_a_hidden_member)
    with pytest.raises(VerificationError) as caught:
        inspect(endpoint, manifest)
    said = "AccessManager was created by other code, or with other arguments"
    assert said in str(caught.value)
    manager = contracts_of(endpoint, manifest).manager
    assert manager.find_role(ADMIN, address(9), "latest") == 0, "the hidden member is none"


def with_a_hidden_member(places: Places, calls: dict[str, Call]) -> dict[str, Call]:
    """Makes the deployer admin by writing a slot, as the constructor does, but without its event, and a
    stranger as well; then leaves the honest code.
    """
    role = keccak(encode(["uint256", "uint256"], [ADMIN, 1]))  # _roles is at slot 1, members first
    slots = [keccak(encode(["address", "bytes32"], [who, role])) for who in (address(DEPLOYER), address(9))]
    written = b"".join(b"\x60\x01\x7f" + slot + b"\x55" for slot in slots)  # PUSH1 1 PUSH32 slot SSTORE
    code = load_artifact("AccessManager").deployed_bytecode
    size, offset = len(code).to_bytes(2), (len(written) + 13).to_bytes(2)
    # PUSH2 size PUSH2 offset PUSH0 CODECOPY PUSH2 size PUSH0 RETURN
    copying = b"\x61" + size + b"\x61" + offset + b"\x5f\x39\x61" + size + b"\x5f\xf3"
    return {**calls, "AccessManager": Call(None, written + copying + code, "create", gas=8_000_000)}


def test_verify_deployment_sees_a_transaction_that_created_something_else(
    endpoint: Endpoint, tmp_path: Path
) -> None:
    manifest = deploy_deviant(endpoint, tmp_path)
    other = dataclasses.replace(
        manifest.contracts["AgencyRegistry"], transaction=manifest.contracts["AccessPolicy"].transaction
    )
    swapped = dataclasses.replace(manifest, contracts={**manifest.contracts, "AgencyRegistry": other})
    with pytest.raises(VerificationError, match=r"AgencyRegistry: transaction 0x.* did not create"):
        inspect(endpoint, swapped)
    unknown = dataclasses.replace(other, transaction=b"\1" * 32)
    lost = dataclasses.replace(manifest, contracts={**manifest.contracts, "AgencyRegistry": unknown})
    with pytest.raises(VerificationError, match="AgencyRegistry: the endpoint knows no transaction"):
        inspect(endpoint, lost)


def test_verify_deployment_sees_another_deployer(endpoint: Endpoint, tmp_path: Path) -> None:
    manifest = deploy_deviant(endpoint, tmp_path)
    with pytest.raises(VerificationError, match=f"was created by .* instead of {address(9)}"):
        inspect(endpoint, dataclasses.replace(manifest, deployer=address(9)))

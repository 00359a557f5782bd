"""The governance of a deployment by its AccessManager: reads every role, function, target and operation that
its history names, in addition to those that must exist.

The history is complete from the manager's creation on, because its code and its creation were checked before.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache

from eth_utils.crypto import keccak

from cityledger.chain.abi.artifacts import FOLLOWED_NAMES, entries_of_kind
from cityledger.chain.abi.codec import Named, decode_event, selector, signature
from cityledger.chain.contracts.access_manager import ADMIN, COUNCIL, GUARD, Access, AccessManager
from cityledger.chain.deploy.roles import FUNCTION_ROLES
from cityledger.chain.manifest import Manifest
from cityledger.chain.rpc.endpoint import Endpoint, to_hex
from cityledger.errors import ChainError
from cityledger.types import Address, BlockRef

_OWN_ROLES = (ADMIN, COUNCIL, GUARD)


@dataclass(frozen=True, slots=True)
class Waiting:
    """An operation that was scheduled and neither executed nor cancelled."""

    caller: Address
    target: Address
    function: str
    due: int
    """Unix seconds."""

    def __str__(self) -> str:
        return f"{self.caller} may call {self.function} of {self.target} from {self.due} on"


@dataclass(slots=True)
class History:
    """Everything that the manager's events name."""

    members: set[tuple[int, Address]] = field(default_factory=set)
    roles: set[int] = field(default_factory=set)
    targets: set[Address] = field(default_factory=set)
    functions: set[tuple[Address, bytes]] = field(default_factory=set)
    grant_delays: dict[int, int] = field(default_factory=dict)
    """The last that was set, also where it takes effect later."""
    admin_delays: dict[Address, int] = field(default_factory=dict)
    """The last that was set, as in ``grant_delays``."""
    operations: dict[bytes, Named] = field(default_factory=dict)


def read_history(endpoint: Endpoint, manager: Address, first: int, block: BlockRef) -> History:
    """The manager's events of the blocks ``first`` to ``block``.

    Raises:
        ChainError: the endpoint refuses, or an event is unknown.
    """
    entries = {keccak(text=signature(entry)): entry for entry in entries_of_kind("AccessManager", "event")}
    history = History()
    for log in endpoint.logs(first, block.number, address=manager):
        topics = [bytes.fromhex(topic[2:]) for topic in log["topics"]]
        entry = entries.get(topics[0]) if topics else None
        if entry is None:
            raise ChainError(f"an unknown event of AccessManager in block {log['blockNumber']}")
        _take(history, entry["name"], decode_event(entry, topics[1:], bytes.fromhex(log["data"][2:])))
    return history


def _take(history: History, event: str, values: Named) -> None:
    if "roleId" in values:
        history.roles.add(values["roleId"])
    if "target" in values and event != "OperationScheduled":
        history.targets.add(Address(values["target"]))
    match event:
        case "RoleGranted":
            history.members.add((values["roleId"], Address(values["account"])))
        case "TargetFunctionRoleUpdated":
            history.functions.add((Address(values["target"]), values["selector"]))
        case "RoleGrantDelayChanged":
            history.grant_delays[values["roleId"]] = values["delay"]
        case "TargetAdminDelayUpdated":
            history.admin_delays[Address(values["target"])] = values["delay"]
        case "OperationScheduled":
            history.operations[values["operationId"]] = values


def wrong_governance(
    manager: AccessManager, manifest: Manifest, history: History, block: BlockRef
) -> Iterator[str]:
    """Differences from a deployment by ``deployment.roles``: members, roles, functions and targets."""
    yield from _wrong_members(manager, manifest, history, block)
    yield from _wrong_roles(manager, history, block)
    yield from _wrong_functions(manager, manifest, history, block)
    yield from _wrong_targets(manager, manifest, history, block)


def waiting_operations(manager: AccessManager, history: History, block: BlockRef) -> list[Waiting]:
    """The operations that are scheduled at the block, the earliest first."""
    waiting = []
    for operation, values in history.operations.items():
        due = manager.due_of(operation, block)
        if due is not None:
            target, called = Address(values["target"]), values["data"][:4]
            waiting.append(Waiting(Address(values["caller"]), target, _function_name(called), due))
    return sorted(waiting, key=lambda one: one.due)


def changes_governance(waiting: Waiting, manifest: Manifest) -> bool:
    """Whether the operation would change the result of a verification: roles, authorities, or the
    directory."""
    governing = (manifest.address("AccessManager"), manifest.address("CityDirectory"))
    return waiting.target in governing or waiting.function == "setAuthority"


def _wrong_members(
    manager: AccessManager, manifest: Manifest, history: History, block: BlockRef
) -> Iterator[str]:
    delay = manifest.council_delay_seconds
    expected = {
        (ADMIN, manifest.council): delay,
        (COUNCIL, manifest.council): delay,
        (GUARD, manifest.guard): 0,
    }
    members = history.members | expected.keys() | {(role, manifest.deployer) for role in _OWN_ROLES}
    for role, account in sorted(members):
        current, wanted = manager.find_access(role, account, block), expected.get((role, account))
        if not _is_as_wanted(current, wanted, block):
            shown = "not at all" if wanted is None else f"under a delay of {wanted} s"
            yield f"{account} holds role {role} {_under(current, block)} instead of {shown}"


def _is_as_wanted(current: Access | None, wanted: int | None, block: BlockRef) -> bool:
    if current is None or wanted is None:
        return current is None and wanted is None
    return current.delay_seconds == wanted and current.since <= block.time and not current.effect


def _under(current: Access | None, block: BlockRef) -> str:
    if current is None:
        return "not at all"
    begins = f", from {current.since} on" if current.since > block.time else ""
    changes = f", {current.pending_delay_seconds} s from {current.effect} on" if current.effect else ""
    return f"under a delay of {current.delay_seconds} s{begins}{changes}"


def _wrong_roles(manager: AccessManager, history: History, block: BlockRef) -> Iterator[str]:
    for role in sorted(history.roles | set(_OWN_ROLES)):
        roles = {
            "admin of": manager.admin_of(role, block),
            "guardian of": manager.guardian_of(role, block),
        }
        for what, current in roles.items():
            if current != ADMIN:
                yield f"the {what} role {role} is role {current} instead of {ADMIN}"
        delays = {manager.grant_delay_of(role, block), history.grant_delays.get(role, 0)}
        for delay in sorted(delays - {0}):
            yield f"role {role} has a grant delay of {delay} s instead of 0 s"


def _wrong_functions(
    manager: AccessManager, manifest: Manifest, history: History, block: BlockRef
) -> Iterator[str]:
    expected = expected_function_roles(manifest)
    names = {manifest.address(name): name for name in FOLLOWED_NAMES}
    for target, called in sorted(expected.keys() | history.functions):
        current, wanted = (
            manager.role_of_function(target, called, block),
            expected.get((target, called), ADMIN),
        )
        if current != wanted:
            where = f"{names.get(target, target)}.{_function_name(called)}"
            yield f"{where} belongs to role {current} instead of {wanted}"


def expected_function_roles(manifest: Manifest) -> dict[tuple[Address, bytes], int]:
    """The role of every function of the contracts that are governed; ADMIN is that of an unassigned one."""
    assigned = {
        (name, function): role for (name, role), functions in FUNCTION_ROLES.items() for function in functions
    }
    return {
        (manifest.address(name), selector(entry)): assigned.get((name, entry["name"]), ADMIN)
        for name in FOLLOWED_NAMES
        for entry in entries_of_kind(name, "function")
        if entry["stateMutability"] not in ("view", "pure")
    }


def _wrong_targets(
    manager: AccessManager, manifest: Manifest, history: History, block: BlockRef
) -> Iterator[str]:
    names: Mapping[Address, str] = {one.address: name for name, one in manifest.contracts.items()}
    for target in sorted(history.targets | names.keys()):
        shown = names.get(target, target)
        if manager.is_closed(target, block):
            yield f"{shown} is closed to council and guard"
        delays = {manager.admin_delay_of(target, block), history.admin_delays.get(target, 0)}
        for delay in sorted(delays - {0}):
            yield f"{shown} has an admin delay of {delay} s instead of 0 s"


def _function_name(called: bytes) -> str:
    return _names_by_selector().get(called, to_hex(called))


@cache
def _names_by_selector() -> Mapping[bytes, str]:
    entries = [
        entry for name in ("AccessManager", *FOLLOWED_NAMES) for entry in entries_of_kind(name, "function")
    ]
    return {selector(entry): entry["name"] for entry in entries}

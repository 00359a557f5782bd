"""AccessManager (OpenZeppelin): the members of council and guard, and their delays."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from eth_abi.abi import encode
from eth_utils.crypto import keccak

from cityledger.chain.abi.codec import Named, selectors_of
from cityledger.chain.contracts.bound import BoundContract
from cityledger.chain.rpc.endpoint import At, Endpoint
from cityledger.chain.transactions import Call
from cityledger.errors import ChainError
from cityledger.types import Address

ADMIN = 0
"""OpenZeppelin's own role: it hands out all others."""
COUNCIL = 1
GUARD = 2


@dataclass(frozen=True, slots=True)
class Access:
    """An account's membership in a role, as stored."""

    since: int
    """Unix seconds; may be in the future, where the role has a grant delay."""
    delay_seconds: int
    pending_delay_seconds: int
    """Replaces ``delay_seconds`` at ``effect``; only where ``effect`` is not 0."""
    effect: int


class AccessManager:
    def __init__(self, endpoint: Endpoint, address: Address) -> None:
        self._contract = BoundContract(endpoint, "AccessManager", address)
        self.address = address

    def find_role(self, role: int, account: Address, block: At) -> int | None:
        """The delay in seconds under which the account holds the role; None if it does not."""
        stored = self._contract.read(block, "hasRole", role, account)
        return int(stored["executionDelay"]) if stored["isMember"] else None

    def find_access(self, role: int, account: Address, block: At) -> Access | None:
        """The membership as stored, also one that begins later; None where there is none."""
        stored = self._contract.read(block, "getAccess", role, account)
        access = Access(stored["since"], stored["currentDelay"], stored["pendingDelay"], stored["effect"])
        return access if access.since else None

    def admin_of(self, role: int, block: At) -> int:
        """The role whose members grant and revoke this one."""
        return int(self._contract.read(block, "getRoleAdmin", role))

    def guardian_of(self, role: int, block: At) -> int:
        """The role whose members cancel what members of this one have scheduled."""
        return int(self._contract.read(block, "getRoleGuardian", role))

    def grant_delay_of(self, role: int, block: At) -> int:
        """Seconds that a new member of the role waits."""
        return int(self._contract.read(block, "getRoleGrantDelay", role))

    def is_closed(self, target: Address, block: At) -> bool:
        """Whether all calls of council and guard to the contract are refused."""
        return bool(self._contract.read(block, "isTargetClosed", target))

    def admin_delay_of(self, target: Address, block: At) -> int:
        """Seconds that a change of the contract's roles or authority waits."""
        return int(self._contract.read(block, "getTargetAdminDelay", target))

    def due_of(self, operation: bytes, block: At) -> int | None:
        """When the scheduled operation may be made (Unix seconds); None if it does not wait, or lapsed."""
        return int(self._contract.read(block, "getSchedule", operation)) or None

    def role_of_function(self, target: Address, selector: bytes, block: At) -> int:
        """The role that may call the function."""
        return int(self._contract.read(block, "getTargetFunctionRole", target, selector))

    def delay_of(self, caller: Address, call: Call, block: At) -> int | None:
        """Seconds that the call must wait after being scheduled; 0 is at once; None if the caller may not
        make it at all.
        """
        stored = self._contract.read(block, "canCall", caller, _target(call), call.data[:4])
        if stored["immediate"]:
            return 0
        return int(stored["delay"]) or None

    def find_schedule(self, caller: Address, call: Call, block: At) -> int | None:
        """When the scheduled call may be made (Unix seconds); None if it is not scheduled, or lapsed."""
        operation = keccak(encode(["address", "address", "bytes"], [caller, _target(call), call.data]))
        return self.due_of(operation, block)

    def schedule(self, call: Call) -> Call:
        """Announces the call; after the delay the same account sends the call itself."""
        return self._contract.prepare("schedule", _target(call), call.data, 0)

    # --- deployment -----------------------------------------------------------------------------------------

    def set_function_role(self, name: str, target: Address, functions: Sequence[str], role: int) -> Call:
        """Assigns functions of contract ``name`` to a role."""
        return self._contract.prepare("setTargetFunctionRole", target, selectors_of(name, functions), role)

    def label_role(self, role: int, label: str) -> Call:
        return self._contract.prepare("labelRole", role, label)

    def grant_role(self, role: int, account: Address, delay_seconds: int) -> Call:
        return self._contract.prepare("grantRole", role, account, delay_seconds)

    def renounce_role(self, role: int, account: Address) -> Call:
        """Gives up the sender's own role; ``account`` must be the sender."""
        return self._contract.prepare("renounceRole", role, account)

    def together(self, calls: Sequence[Call]) -> Call:
        """Calls of this contract in one transaction: all of them or none."""
        return self._contract.prepare("multicall", [call.data for call in calls])


def _target(call: Call) -> Address:
    if call.to is None:
        raise ChainError(f"{call.what} creates a contract and cannot be scheduled")
    return call.to


@dataclass(frozen=True, slots=True)
class AuthorityUpdated:
    """A contract now reads its council and guard from this AccessManager."""

    authority: Address


AuthorityEvent = AuthorityUpdated
"""Of each contract that this one governs; the manager's own events are not followed."""

READERS: Mapping[str, Callable[[Named], AuthorityEvent]] = {
    "AuthorityUpdated": lambda v: AuthorityUpdated(Address(v["authority"])),
}

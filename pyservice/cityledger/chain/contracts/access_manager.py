"""AccessManager (OpenZeppelin): who may act as council or guard, and after which delay."""

from __future__ import annotations

from collections.abc import Sequence

from eth_abi.abi import encode
from eth_utils.crypto import keccak

from cityledger.chain.abi import selectors_of
from cityledger.chain.contracts.bound import BoundContract
from cityledger.chain.endpoint import At, Endpoint
from cityledger.chain.sender import Call
from cityledger.errors import ChainError
from cityledger.types import Address

ADMIN = 0
"""OpenZeppelin's own role: it hands out all others."""
COUNCIL = 1
GUARD = 2


class AccessManager:
    def __init__(self, endpoint: Endpoint, address: Address) -> None:
        self._contract = BoundContract(endpoint, "AccessManager", address)
        self.address = address

    def find_role(self, role: int, account: Address, block: At) -> int | None:
        """The delay in seconds under which the account holds the role; None if it does not."""
        held = self._contract.read(block, "hasRole", role, account)
        return int(held["executionDelay"]) if held["isMember"] else None

    def role_of_function(self, target: Address, selector: bytes, block: At) -> int:
        """The role that may call the function."""
        return int(self._contract.read(block, "getTargetFunctionRole", target, selector))

    def delay_of(self, caller: Address, call: Call, block: At) -> int | None:
        """Seconds that the call must wait after being scheduled; 0 is at once; None if the caller may not
        make it at all.
        """
        held = self._contract.read(block, "canCall", caller, _target(call), call.data[:4])
        if held["immediate"]:
            return 0
        return int(held["delay"]) or None

    def find_schedule(self, caller: Address, call: Call, block: At) -> int | None:
        """When the scheduled call may be made (Unix seconds); None if it is not scheduled, or lapsed."""
        operation = keccak(encode(["address", "address", "bytes"], [caller, _target(call), call.data]))
        return int(self._contract.read(block, "getSchedule", operation)) or None

    def schedule(self, call: Call) -> Call:
        """Announces the call; after the delay the same account sends the call itself."""
        return self._contract.prepare("schedule", _target(call), call.data, 0)

    # --- deployment -----------------------------------------------------------------------------------------

    def set_function_role(self, name: str, target: Address, functions: Sequence[str], role: int) -> Call:
        """Gives functions of contract ``name`` to a role."""
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

"""Roles that may do each action: the table of SPEC.md §2.2. ``ActionRoles.sol`` is its counterpart."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from cityledger.types import Action, Role

_READS = frozenset({Role.READER, Role.STEWARD})

ROLES_OF: Mapping[Action, frozenset[Role]] = MappingProxyType(
    {
        Action.READ: _READS,
        Action.LOOKUP: _READS | {Role.WRITER},
        Action.CHECK: _READS,
        Action.HISTORY: _READS | {Role.AUDITOR},
        Action.PROOF: _READS | {Role.AUDITOR},
        Action.RELEASE: _READS,
        Action.FEED: _READS,
        Action.WRITE: frozenset({Role.WRITER}),
        Action.RESTRICT: frozenset({Role.STEWARD}),
        Action.SEAL: frozenset({Role.STEWARD}),
        Action.LIFT: frozenset(),  # done by the council, on chain
        Action.SELF: frozenset(),  # needs no role: rule 13 comes first
        Action.ERASE: frozenset({Role.WRITER}),
    }
)

OFF_CHAIN_ROLES = frozenset({Role.READER, Role.WRITER})
"""Roles that a node attests; the registry holds the others."""

PROVIDERS_OWN = frozenset({Action.WRITE, Action.RESTRICT, Action.SEAL, Action.ERASE})
"""Actions that no purpose of a dataset's terms allows: they need OWN_DUTY."""


def is_role_allowed(action: Action, role: Role) -> bool:
    """Returns whether the table allows the action to the role."""
    return role in ROLES_OF[action]

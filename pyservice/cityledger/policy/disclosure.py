"""The code of a denial that may be disclosed, computed separately from the receipt's code (SPEC.md §2.1)."""

from __future__ import annotations

from cityledger.policy.facts import Facts
from cityledger.policy.rules import decide_facts, is_permit

ERASURE_SEALED = 41
"""The provider may not erase what is sealed by law."""

# Facts that depend on the one record or its subject: naming a denial for one of these would disclose that
# the record exists.
_STANDS_AGAINST = Facts.SEALED_BY_LAW | Facts.RESTRICTED_FOR_ALL | Facts.RESTRICTED_FOR_CONSUMER
_SPEAKS_FOR = Facts.CONTROLS_SUBJECT | Facts.GOOD_STANDING | Facts.EMERGENCY_OPEN | Facts.CONSENT_SATISFIED


def disclosed_code(facts: int) -> int | None:
    """The code that may be disclosed to the caller, or None for not-found, the one answer to all others. Rule
    4's denial is disclosed, since only the provider can get it. For the rest, the same rules are evaluated as
    if no fact were against the record: only a denial that remains may be named.
    """
    if (
        decide_facts(facts) == ERASURE_SEALED
    ):  # only the provider, who knows the record and its seal, can get it
        return ERASURE_SEALED
    code = decide_facts(facts & ~int(_STANDS_AGAINST) | int(_SPEAKS_FOR))
    return None if is_permit(code) else code


def hiding_facts(facts: int) -> Facts:
    """The facts that depend on one record and would each turn this permit into a denial.

    ``facts`` are those of a query about no record. Each does so independently of the others.
    """
    return Facts(sum(fact for fact in _STANDS_AGAINST if not is_permit(decide_facts(facts | fact))))

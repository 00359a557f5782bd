"""Terms over time (SPEC.md §2.4). ``TermsLib.sol`` and ``TermsSlots.sol`` are its counterparts."""

from __future__ import annotations

from cityledger.types import Terms


def tighten(a: Terms, b: Terms) -> Terms:
    """The stricter of both, field by field, with the purposes that are in both."""
    return Terms(
        sharing_class=max(a.sharing_class, b.sharing_class),
        openness=min(a.openness, b.openness),
        consent_required=a.consent_required or b.consent_required,
        emergency_allowed=a.emergency_allowed and b.emergency_allowed,
        purposes=tuple(purpose for purpose in a.purposes if purpose in b.purposes),
    )


def terms_at(current: Terms | None, pending: Terms | None, pending_since: int, at: int) -> Terms | None:
    """The terms in effect at ``at`` (Unix seconds). ``pending_since`` 0: none are pending."""
    is_due = pending_since != 0 and at >= pending_since
    return pending if is_due else current

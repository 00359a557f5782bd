"""The facts of a request that rule 12 permits: a live grant, and nothing against it (SPEC.md §2)."""

from __future__ import annotations

from cityledger.policy.facts import Facts

PERMITTING = (
    Facts.CONSUMER_ACTIVE
    | Facts.ROLE_HELD
    | Facts.CREDENTIAL_LIVE
    | Facts.PURPOSE_KNOWN
    | Facts.PURPOSE_ALLOWED
    | Facts.PROVIDER_ACTIVE
    | Facts.DATASET_ACTIVE
    | Facts.GRANT_SATISFIED
    | Facts.SHARED
    | Facts.CONSENT_SATISFIED
)

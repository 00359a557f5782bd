"""The facts that the rules decide on, one bit each. ``FactBits.sol`` names the same bits."""

from __future__ import annotations

from enum import IntFlag


class Facts(IntFlag):
    """The facts of a query (SPEC.md §2, Facts). Bits 21 to 31 of the word are zero."""

    SELF = 1 << 0
    CONTROLS_SUBJECT = 1 << 1
    CONSUMER_ACTIVE = 1 << 2
    ROLE_HELD = 1 << 3
    CREDENTIAL_LIVE = 1 << 4
    PURPOSE_KNOWN = 1 << 5
    PURPOSE_ALLOWED = 1 << 6
    OWN_RECORD = 1 << 7
    SEALED_BY_LAW = 1 << 8
    EMERGENCY_PURPOSE = 1 << 9
    EMERGENCY_ALLOWED = 1 << 10
    GOOD_STANDING = 1 << 11
    EMERGENCY_OPEN = 1 << 12
    PROVIDER_ACTIVE = 1 << 13
    DATASET_ACTIVE = 1 << 14
    GRANT_SATISFIED = 1 << 15
    SHARED = 1 << 16
    RESTRICTED_FOR_ALL = 1 << 17
    RESTRICTED_FOR_CONSUMER = 1 << 18
    CONSENT_SATISFIED = 1 << 19
    ERASES = 1 << 20


FACT_COUNT = len(Facts)
NO_FACTS = Facts(0)

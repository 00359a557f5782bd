// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @title The facts on which the rules decide, one bit each (SPEC.md §2, Facts).
/// @dev Python's `policy/facts.py` names the same bits; `tests/contracts/test_rules.py` compares them.
library FactBits {
    uint32 internal constant SELF = 1 << 0;
    uint32 internal constant CONTROLS_SUBJECT = 1 << 1;
    uint32 internal constant CONSUMER_ACTIVE = 1 << 2;
    uint32 internal constant ROLE_HELD = 1 << 3;
    uint32 internal constant CREDENTIAL_LIVE = 1 << 4;
    uint32 internal constant PURPOSE_KNOWN = 1 << 5;
    uint32 internal constant PURPOSE_ALLOWED = 1 << 6;
    uint32 internal constant OWN_RECORD = 1 << 7;
    uint32 internal constant SEALED_BY_LAW = 1 << 8;
    uint32 internal constant EMERGENCY_PURPOSE = 1 << 9;
    uint32 internal constant EMERGENCY_ALLOWED = 1 << 10;
    uint32 internal constant GOOD_STANDING = 1 << 11;
    uint32 internal constant EMERGENCY_OPEN = 1 << 12;
    uint32 internal constant PROVIDER_ACTIVE = 1 << 13;
    uint32 internal constant DATASET_ACTIVE = 1 << 14;
    uint32 internal constant GRANT_SATISFIED = 1 << 15;
    uint32 internal constant SHARED = 1 << 16;
    uint32 internal constant RESTRICTED_FOR_ALL = 1 << 17;
    uint32 internal constant RESTRICTED_FOR_CONSUMER = 1 << 18;
    uint32 internal constant CONSENT_SATISFIED = 1 << 19;
    uint32 internal constant ERASES = 1 << 20;

    /// @notice Whether the fact is among `facts`.
    function has(uint32 facts, uint32 fact) internal pure returns (bool) {
        return facts & fact != 0;
    }

    /// @notice The fact if it is true, else no fact; to be combined by `|`.
    function when(uint32 fact, bool isTrue) internal pure returns (uint32) {
        return isTrue ? fact : 0;
    }
}

// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {FactBits} from "./FactBits.sol";

/// @title The thirteen rules, as a table in which the first match decides (SPEC.md §2).
/// @dev Pure and total. Python's `policy/rules.py` is the counterpart; both are compared over every word of facts.
library Rules {
    using FactBits for uint32;

    /// @notice The decision of the first rule that matches: whether it permits, and its code.
    function decide(uint32 facts) internal pure returns (bool permit, uint8 code) {
        code = facts.has(FactBits.SELF) ? _ownSubject(facts) : _access(facts);
        // A permit's cause, the last digit, is 0 and a denial's never is.
        permit = code % 10 == 0;
    }

    /// @dev Rule 13.
    function _ownSubject(uint32 facts) private pure returns (uint8) {
        if (!facts.has(FactBits.CONTROLS_SUBJECT)) return 131;
        if (facts.has(FactBits.SEALED_BY_LAW)) return 132;
        return 130;
    }

    /// @dev Rules 1 to 12. Longer than other functions, because it is the table itself.
    function _access(uint32 facts) private pure returns (uint8) {
        if (!facts.has(FactBits.CONSUMER_ACTIVE)) return 11;
        if (!facts.has(FactBits.ROLE_HELD)) return 21;
        if (!facts.has(FactBits.CREDENTIAL_LIVE)) return 22;
        if (!facts.has(FactBits.PURPOSE_KNOWN)) return 31;
        if (!facts.has(FactBits.PURPOSE_ALLOWED)) return 32;
        if (facts.has(FactBits.OWN_RECORD)) return _own(facts);
        if (facts.has(FactBits.SEALED_BY_LAW)) return 51;
        if (facts.has(FactBits.EMERGENCY_PURPOSE)) return _emergency(facts);
        if (!facts.has(FactBits.PROVIDER_ACTIVE)) return 71;
        if (!facts.has(FactBits.DATASET_ACTIVE)) return 72;
        if (!facts.has(FactBits.GRANT_SATISFIED)) return 81;
        if (!facts.has(FactBits.SHARED)) return 91;
        if (facts.has(FactBits.RESTRICTED_FOR_ALL)) return 101;
        if (facts.has(FactBits.RESTRICTED_FOR_CONSUMER)) return 102;
        if (!facts.has(FactBits.CONSENT_SATISFIED)) return 111;
        return 120;
    }

    /// @dev Rule 4. A seal by law is a legal hold: not even the provider may destroy what it covers.
    function _own(uint32 facts) private pure returns (uint8) {
        return facts.has(FactBits.ERASES) && facts.has(FactBits.SEALED_BY_LAW) ? 41 : 40;
    }

    /// @dev Rule 6.
    function _emergency(uint32 facts) private pure returns (uint8) {
        if (!facts.has(FactBits.EMERGENCY_ALLOWED)) return 61;
        if (!facts.has(FactBits.GOOD_STANDING)) return 62;
        if (!facts.has(FactBits.EMERGENCY_OPEN)) return 63;
        return 60;
    }
}

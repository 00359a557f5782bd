// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Terms} from "../types/Terms.sol";
import {TermsLib} from "./TermsLib.sol";

/// @dev The terms of a dataset over time. All fields are zero for missing terms.
struct TermsSlots {
    Terms current;
    Terms pending;
    /// Unix seconds from which `pending` is in effect; 0 means that nothing is pending.
    uint40 pendingSince;
}

/// @title Revision of terms: tightening at once, loosening later (SPEC.md §2.4).
library TermsSlotsLib {
    using TermsLib for Terms;

    /// @notice Tightens the current terms at once; where `terms` are looser in any field, they are pending until `due`.
    function revise(TermsSlots storage slots, Terms memory terms, uint40 blockTime, uint40 due) internal {
        // A pending slot that is due is already in effect; tightening the terms before it would lose it.
        Terms memory current = termsAt(slots, blockTime).tighten(terms);
        bool isReached = current.isSame(terms);

        slots.current = current;
        if (isReached) delete slots.pending;
        else slots.pending = terms;
        slots.pendingSince = isReached ? 0 : due;
    }

    /// @notice The terms in effect at the time `at`.
    function termsAt(TermsSlots storage slots, uint40 at) internal view returns (Terms memory) {
        bool isDue = slots.pendingSince != 0 && at >= slots.pendingSince;
        return isDue ? slots.pending : slots.current;
    }
}

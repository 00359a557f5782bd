// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Purpose} from "./Purpose.sol";

/// @dev None is what a missing dataset returns. A retired dataset never returns to Active.
enum DatasetStatus {
    None,
    Active,
    Retired
}

/// @dev Who may ask at all; a higher value is tighter. None is what a missing dataset returns.
enum SharingClass {
    None,
    Unconditional,
    Conditional,
    NotShared
}

/// @dev Whether there is an exit without sign-in. Closed is the default.
enum Openness {
    Closed,
    Public
}

/// @dev The rules that a provider sets for a dataset (SPEC.md §2.4).
struct Terms {
    /// None only where there are no terms.
    SharingClass sharingClass;
    Openness openness;
    /// Whether a subject must have agreed. Reserved: no version of the catalog accepts true yet.
    bool consentRequired;
    /// Whether rule 6 may permit at all. Reserved: no version of the catalog accepts true yet.
    bool emergencyAllowed;
    /// At most 16, strictly ascending, without OWN_DUTY. Empty means that only the provider has a purpose.
    Purpose[] purposes;
}

/// @dev One slot (dataset, consumer, purpose). Live in [since, until) while both epochs are the agencies' own.
struct Grant {
    /// Never used twice. Zero is what an empty slot returns.
    bytes32 grantId;
    /// Bit i stands for the i-th part of the dataset. Zero covers existence and metadata only.
    uint8 parts;
    /// Unix seconds; 0 is the beginning of time.
    uint40 since;
    /// Unix seconds; 2^40 - 1 is no end.
    uint40 until;
    /// The provider's epoch when the grant was made.
    uint32 providerEpoch;
    /// The consumer's epoch when the grant was made.
    uint32 consumerEpoch;
}

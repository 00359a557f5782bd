// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Purpose} from "./Purpose.sol";

/// @dev None for a missing dataset. A retired dataset never becomes Active again.
enum DatasetStatus {
    None,
    Active,
    Retired
}

/// @dev The sharing class of a dataset; a higher value is tighter. None for a missing dataset.
enum SharingClass {
    None,
    Unconditional,
    Conditional,
    NotShared
}

/// @dev Whether a dataset can be read without sign-in. Closed is the default.
enum Openness {
    Closed,
    Public
}

/// @dev The rules that a provider sets for a dataset (SPEC.md §2.4).
struct Terms {
    /// None only for missing terms.
    SharingClass sharingClass;
    Openness openness;
    /// Whether the consent of a subject is required. Reserved: no version of the catalog accepts true yet.
    bool consentRequired;
    /// Whether rule 6 may permit. Reserved: no version of the catalog accepts true yet.
    bool emergencyAllowed;
    /// At most 16, strictly ascending, without OWN_DUTY. Empty means that only the provider has a purpose.
    Purpose[] purposes;
}

/// @dev One slot (dataset, consumer, purpose). Live in [since, until) while both epochs equal the agencies' epochs.
struct Grant {
    /// Unique. Zero for an empty slot.
    bytes32 grantId;
    /// Bit i is the i-th part of the dataset. Zero covers existence and metadata only.
    uint8 parts;
    /// Unix seconds; 0 means no beginning.
    uint40 since;
    /// Unix seconds; 2^40 - 1 means no end.
    uint40 until;
    /// The provider's epoch when the grant was made.
    uint32 providerEpoch;
    /// The consumer's epoch when the grant was made.
    uint32 consumerEpoch;
}

// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @dev The status of an agency; None for a missing agency. The transitions are in SPEC.md §2.3.
enum AgencyStatus {
    None,
    Active,
    Suspended,
    Offboarded
}

/// @dev The role of an officer (SPEC.md §2.2); None for a missing appointment. Reader and Writer are never on chain: an
/// agency's own system vouches for them. Steward, Auditor and Registrar are appointed on chain.
enum Role {
    None,
    Reader,
    Writer,
    Steward,
    Auditor,
    Registrar
}

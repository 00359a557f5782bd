// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @dev Where an agency stands. None is what a missing agency returns. The moves are in SPEC.md §2.3.
enum AgencyStatus {
    None,
    Active,
    Suspended,
    Offboarded
}

/// @dev What an officer may do (SPEC.md §2.2). None is what a missing appointment returns. Reader and Writer are never
/// on chain: an agency's own system vouches for them. Steward, Auditor and Registrar are appointed on chain.
enum Role {
    None,
    Reader,
    Writer,
    Steward,
    Auditor,
    Registrar
}

// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @dev The purpose of a request for a record: an upper-case ASCII name, left-aligned, zero-padded.
type Purpose is bytes32;

using {equals as ==, differs as !=, isBelow as <} for Purpose global;

/// @dev The provider's own duty. Always known, never among a dataset's purposes.
Purpose constant OWN_DUTY = Purpose.wrap("OWN_DUTY");
/// @dev Emergency access (break-glass). Always known; permitted only by rule 6.
Purpose constant EMERGENCY = Purpose.wrap("EMERGENCY");

function equals(Purpose a, Purpose b) pure returns (bool) {
    return Purpose.unwrap(a) == Purpose.unwrap(b);
}

function differs(Purpose a, Purpose b) pure returns (bool) {
    return Purpose.unwrap(a) != Purpose.unwrap(b);
}

function isBelow(Purpose a, Purpose b) pure returns (bool) {
    return Purpose.unwrap(a) < Purpose.unwrap(b);
}

// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @dev One provider's pseudonym of a person or thing: 32 random bytes. Zero means no subject.
type SubjectId is bytes32;

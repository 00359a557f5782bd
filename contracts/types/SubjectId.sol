// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @dev A person or thing as one provider knows it: 32 random bytes. Zero names no subject.
type SubjectId is bytes32;

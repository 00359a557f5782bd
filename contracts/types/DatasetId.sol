// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @dev A dataset: keccak(abi.encode(instance, uint32 provider, string path)).
type DatasetId is bytes32;

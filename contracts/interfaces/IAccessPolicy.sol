// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Decision, Query} from "../types/Decisions.sol";
import {IAgencyRegistry} from "./IAgencyRegistry.sol";
import {IDataCatalog} from "./IDataCatalog.sol";

/// @title The rules: who may read what, for which purpose, and why.
/// @notice Holds no state. {facts} gathers what the registry and the catalog know; the rules of SPEC.md §2 decide on that
/// alone. Call it at a block of your choice.
///
/// Warning: role and `credentialUntil` of an off-chain officer, `at`, and the record's subject are the caller's word.
/// A decision is as good as the node that asked.
interface IAccessPolicy {
    /// @notice This version cannot do that yet: `OPENINGS`.
    error AccessPolicyUnsupportedFeature(bytes32 feature);

    /// @notice What is true about the query, as the bits of SPEC.md §2, and what that rests on.
    function facts(Query calldata query) external view returns (uint32 word, bytes32 grantId, bytes32 artefactId);

    /// @notice The rules' answer. Never reverts for a denial.
    function decide(Query calldata query) external view returns (Decision memory decision);

    /// @notice The same for each query, in order.
    function decideMany(Query[] calldata queries) external view returns (Decision[] memory decisions);

    /// @notice The registry and the catalog that this policy asks.
    function registry() external view returns (IAgencyRegistry);

    /// @notice See {registry}.
    function catalog() external view returns (IDataCatalog);
}

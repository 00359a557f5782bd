// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Decision, Query} from "../types/Decisions.sol";
import {IAgencyRegistry} from "./IAgencyRegistry.sol";
import {IDataCatalog} from "./IDataCatalog.sol";

/// @title The access rules: whether an agency may read a record, for which purpose, and by which rule.
/// @notice Holds no state. {facts} gathers the facts from the registry and the catalog; the rules of SPEC.md §2 decide on
/// the facts alone. Call it at a block of your choice.
///
/// Warning: role and `credentialUntil` of an off-chain officer, `at`, and the record's subject are the caller's claims.
/// A decision is only as reliable as the node that requested it.
interface IAccessPolicy {
    /// @notice This version does not support the feature: `OPENINGS`.
    error AccessPolicyUnsupportedFeature(bytes32 feature);

    /// @notice The facts of the query, as the bits of SPEC.md §2, and the grant and the artefact that they depend on.
    function facts(Query calldata query) external view returns (uint32 word, bytes32 grantId, bytes32 artefactId);

    /// @notice The decision of the rules. Never reverts for a denial.
    function decide(Query calldata query) external view returns (Decision memory decision);

    /// @notice The decision for each query, in order.
    function decideMany(Query[] calldata queries) external view returns (Decision[] memory decisions);

    /// @notice The registry and the catalog that this policy reads.
    function registry() external view returns (IAgencyRegistry);

    /// @notice See {registry}.
    function catalog() external view returns (IDataCatalog);
}

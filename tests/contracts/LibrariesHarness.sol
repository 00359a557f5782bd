// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ActionRoles} from "../../contracts/libraries/ActionRoles.sol";
import {Leaves} from "../../contracts/libraries/Leaves.sol";
import {MerkleTree} from "../../contracts/libraries/MerkleTree.sol";
import {Names} from "../../contracts/libraries/Names.sol";
import {Rules} from "../../contracts/libraries/Rules.sol";
import {TermsLib} from "../../contracts/libraries/TermsLib.sol";
import {Role} from "../../contracts/types/Agencies.sol";
import {Action} from "../../contracts/types/Decisions.sol";
import {Receipt, ReceiptLeaf, RecordLeaf, Tombstone} from "../../contracts/types/Ledger.sol";
import {Purpose} from "../../contracts/types/Purpose.sol";
import {Terms} from "../../contracts/types/Terms.sol";

/// @dev The pure libraries, each function callable by itself. Deployed by tests only.
contract LibrariesHarness {
    /// @dev Two bytes for each word of facts from `first` on: permit and code.
    function decisions(uint32 first, uint32 count) external pure returns (bytes memory packed) {
        packed = new bytes(uint256(count) * 2);
        for (uint32 i = 0; i < count; ++i) {
            (bool permit, uint8 code) = Rules.decide(first + i);
            packed[2 * i] = permit ? bytes1(0x01) : bytes1(0x00);
            packed[2 * i + 1] = bytes1(code);
        }
    }

    function isAllowed(Action action, Role role) external pure returns (bool) {
        return ActionRoles.isAllowed(action, role);
    }

    function isProvidersOwn(Action action) external pure returns (bool) {
        return ActionRoles.isProvidersOwn(action);
    }

    function tighten(Terms memory a, Terms memory b) external pure returns (Terms memory) {
        return TermsLib.tighten(a, b);
    }

    function isPath(string memory path) external pure returns (bool) {
        return Names.isPath(path);
    }

    function isPart(string[] memory parts, uint256 index) external pure returns (bool) {
        return Names.isPart(parts, index);
    }

    function isPurposeName(Purpose purpose) external pure returns (bool) {
        return Names.isPurposeName(purpose);
    }

    function leafHash(bytes32 structHash) external pure returns (bytes32) {
        return MerkleTree.leafHash(structHash);
    }

    function nodeHash(bytes32 left, bytes32 right) external pure returns (bytes32) {
        return MerkleTree.nodeHash(left, right);
    }

    function isIncluded(bytes32 leaf, uint256 index, uint256 size, bytes32[] calldata path, bytes32 root)
        external
        pure
        returns (bool)
    {
        return MerkleTree.isIncluded(leaf, index, size, path, root);
    }

    function recordLeaf(RecordLeaf calldata leaf) external pure returns (bytes32) {
        return Leaves.structHash(leaf);
    }

    function tombstone(Tombstone calldata leaf) external pure returns (bytes32) {
        return Leaves.structHash(leaf);
    }

    function receiptLeaf(ReceiptLeaf calldata leaf) external pure returns (bytes32) {
        return Leaves.structHash(leaf);
    }

    function receipt(Receipt calldata receipt_) external pure returns (bytes32) {
        return Leaves.structHash(receipt_);
    }
}

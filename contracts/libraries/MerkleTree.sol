// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @title Inclusion proofs of the tree of RFC 9162 §2.1, with keccak (SPEC.md §4).
/// @dev Leaves and nodes have different tags, so neither is accepted as the other; and the check depends on index and size,
/// so a leaf has one position only. Python's `proofs/merkle.py` is the counterpart; both pass `tests/vectors/merkle.json`.
library MerkleTree {
    /// @notice keccak(0x00 ‖ struct hash).
    function leafHash(bytes32 structHash) internal pure returns (bytes32) {
        return keccak256(abi.encodePacked(bytes1(0x00), structHash));
    }

    /// @notice keccak(0x01 ‖ left ‖ right).
    function nodeHash(bytes32 left, bytes32 right) internal pure returns (bytes32) {
        return keccak256(abi.encodePacked(bytes1(0x01), left, right));
    }

    /// @notice Whether `leaf` is at `index` of `size` leaves under `root`. RFC 9162 §2.1.3.2, step by step.
    function isIncluded(bytes32 leaf, uint256 index, uint256 size, bytes32[] calldata path, bytes32 root)
        internal
        pure
        returns (bool)
    {
        // (1)
        if (index >= size) return false;
        // (2), (3)
        (uint256 fn, uint256 sn, bytes32 r) = (index, size - 1, leaf);
        // (4)
        for (uint256 i = 0; i < path.length; ++i) {
            if (sn == 0) return false;
            (fn, sn, r) = _climb(fn, sn, r, path[i]);
        }
        // (5)
        return sn == 0 && r == root;
    }

    /// @dev Step 4, (a) to (c), for one element of the path.
    function _climb(uint256 fn, uint256 sn, bytes32 r, bytes32 p) private pure returns (uint256, uint256, bytes32) {
        if (fn & 1 == 0 && fn != sn) return (fn >> 1, sn >> 1, nodeHash(r, p));
        while (fn & 1 == 0 && fn != 0) (fn, sn) = (fn >> 1, sn >> 1);
        return (fn >> 1, sn >> 1, nodeHash(p, r));
    }
}

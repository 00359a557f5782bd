// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {MerkleTree} from "../../../contracts/libraries/MerkleTree.sol";
import {Trees} from "./Trees.sol";
import {bounded, vm} from "./Vm.sol";

/// @notice A leaf has exactly one position. The numbers are those of README.md in this folder.
contract MerkleTreeTest {
    using Trees for bytes32[];

    uint256 private constant MAX_SIZE = 40;

    /// @dev M1
    function testFuzz_isIncluded_acceptsEveryTruePlace(bytes32 seed, uint256 size) external view {
        bytes32[] memory leaves = _leaves(seed, size);
        for (uint256 i = 0; i < leaves.length; ++i) {
            assert(this.isIncluded(leaves[i], i, leaves.length, leaves.path(i), leaves.root(0, leaves.length)));
        }
    }

    /// @dev M2
    function testFuzz_isIncluded_refusesAnotherIndex(bytes32 seed, uint256 size, uint256 index, uint256 other)
        external
        view
    {
        bytes32[] memory leaves = _leaves(seed, size);
        index = bounded(index, 0, leaves.length - 1);
        other = bounded(other, 0, 2 * MAX_SIZE);
        vm.assume(other != index);
        assert(!this.isIncluded(leaves[index], other, leaves.length, leaves.path(index), _root(leaves)));
    }

    /// @dev M3
    function testFuzz_isIncluded_refusesAPathOfAnotherLength(bytes32 seed, uint256 size, uint256 index, bytes32 more)
        external
        view
    {
        bytes32[] memory leaves = _leaves(seed, size);
        index = bounded(index, 0, leaves.length - 1);
        bytes32[] memory path = leaves.path(index);
        assert(!this.isIncluded(leaves[index], index, leaves.length, path.appended(more), _root(leaves)));
        if (path.length == 0) return;
        assert(!this.isIncluded(leaves[index], index, leaves.length, path.shortened(), _root(leaves)));
    }

    /// @dev M4. The word in the ledger binds the count; the path alone may fit two counts of one shape.
    function testFuzz_isIncluded_refusesTheLeafThatACountLeavesOut(bytes32 seed, uint256 size) external view {
        bytes32[] memory leaves = _leaves(seed, size);
        uint256 last = leaves.length - 1;
        assert(!this.isIncluded(leaves[last], last, last, leaves.path(last), _root(leaves)));
    }

    /// @dev M5
    function testFuzz_isIncluded_refusesANodeAsALeaf(bytes32 seed, uint256 size, uint256 index) external view {
        bytes32[] memory leaves = _leavesOf(seed, bounded(size, 2, MAX_SIZE));
        index = bounded(index, 0, leaves.length - 1);
        bytes32[] memory path = leaves.path(index);
        bool isLeft = index % 2 == 0 && index + 1 < leaves.length;
        bytes32 parent = isLeft ? Trees.node(leaves[index], path[0]) : Trees.node(path[0], leaves[index]);
        for (uint256 place = 0; place <= leaves.length; ++place) {
            assert(!this.isIncluded(parent, place, leaves.length, path, _root(leaves)));
        }
        assert(MerkleTree.leafHash(leaves[index]) != MerkleTree.nodeHash(leaves[index], path[0]));
    }

    /// @dev M6
    function testFuzz_isIncluded_refusesAnyChangedWord(bytes32 seed, uint256 size, uint256 index, uint256 bit)
        external
        view
    {
        bytes32[] memory leaves = _leavesOf(seed, bounded(size, 2, MAX_SIZE));
        index = bounded(index, 0, leaves.length - 1);
        bytes32 flip = bytes32(1 << (bit % 256));
        bytes32[] memory path = leaves.path(index);
        assert(!this.isIncluded(leaves[index] ^ flip, index, leaves.length, path, _root(leaves)));
        assert(!this.isIncluded(leaves[index], index, leaves.length, path, _root(leaves) ^ flip));
        path[bit % path.length] ^= flip;
        assert(!this.isIncluded(leaves[index], index, leaves.length, path, _root(leaves)));
    }

    /// @dev The library takes its path from calldata.
    function isIncluded(bytes32 leaf, uint256 index, uint256 size, bytes32[] calldata path, bytes32 root)
        external
        pure
        returns (bool)
    {
        return MerkleTree.isIncluded(leaf, index, size, path, root);
    }

    function _root(bytes32[] memory leaves) private pure returns (bytes32) {
        return leaves.root(0, leaves.length);
    }

    function _leaves(bytes32 seed, uint256 size) private pure returns (bytes32[] memory) {
        return _leavesOf(seed, bounded(size, 1, MAX_SIZE));
    }

    function _leavesOf(bytes32 seed, uint256 size) private pure returns (bytes32[] memory leaves) {
        leaves = new bytes32[](size);
        for (uint256 i = 0; i < leaves.length; ++i) {
            leaves[i] = MerkleTree.leafHash(keccak256(abi.encode(seed, i)));
        }
    }
}

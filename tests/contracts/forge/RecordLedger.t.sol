// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {RecordLedger} from "../../../contracts/RecordLedger.sol";
import {Head, Inclusion, Log} from "../../../contracts/types/Ledger.sol";
import {LogId} from "../../../contracts/types/LogId.sol";
import {RecordId} from "../../../contracts/types/RecordId.sol";
import {LedgerHandler, Shown} from "./LedgerHandler.sol";
import {Trees} from "./Trees.sol";

/// @notice Invariants of the ledger after any history. The numbers are those of README.md in this folder.
contract RecordLedgerInvariants {
    LedgerHandler private _handler;
    RecordLedger private _ledger;

    function setUp() external {
        _handler = new LedgerHandler();
        _ledger = _handler.ledger();
    }

    function targetContracts() external view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(_handler);
    }

    /// @dev L1
    function invariant_numbersAreContiguous() external view {
        for (uint64 log = 1; log <= _ledger.logCount(); ++log) {
            Log memory held = _ledger.logOf(LogId.wrap(log));
            assert(held.next == _handler.nextOf(log));
            assert(held.closed == _handler.isClosed(log));
            for (uint64 number = 0; number <= held.next + 3; ++number) {
                assert((_ledger.batchAt(LogId.wrap(log), number) != 0) == _handler.beginsAt(log, number));
            }
        }
    }

    /// @dev L2 and L3, at the end of each history: they check every leaf, and anchored batches do not change (L1).
    function afterInvariant() external view {
        _verifyEveryLeafIsAtItsNumberAndAtNoOther();
        _verifyNoOtherCountPathOrNodePasses();
    }

    function _verifyEveryLeafIsAtItsNumberAndAtNoOther() private view {
        uint256 count = _handler.shownCount();
        for (uint256 i = 0; i < count; ++i) {
            Shown memory shown = _handler.shownAt(i);
            assert(_isAnchored(shown, shown.leaf.seq, shown.hash, shown.inclusion));
            for (uint64 number = 0; number <= shown.inclusion.first + shown.inclusion.count; ++number) {
                bool isElsewhere = number != shown.leaf.seq;
                assert(!isElsewhere || !_isAnchored(shown, number, shown.hash, shown.inclusion));
            }
        }
    }

    function _verifyNoOtherCountPathOrNodePasses() private view {
        uint256 count = _handler.shownCount();
        for (uint256 i = 0; i < count; ++i) {
            Shown memory shown = _handler.shownAt(i);
            _verifyRefusals(shown);
        }
    }

    /// @dev L4, L6, L7, L8, L9
    function invariant_theHandlerSawNoBrokenPromise() external view {
        assert(_handler.broken() == 0);
    }

    /// @dev L5
    function invariant_headsPointToAnchoredLeavesOfTheProvider() external view {
        for (uint256 d = 0; d < 2; ++d) {
            for (uint256 r = 0; r < 2; ++r) {
                _verifyHead(d, _handler.recordAt(r));
            }
        }
    }

    function _verifyHead(uint256 d, RecordId record) private view {
        Head memory head = _ledger.headOf(_handler.datasets(d), record);
        uint256 remembered = _handler.headOf(_handler.datasets(d), record);
        assert((head.version == 0) == (remembered == 0) && (head.leafHash == 0) == (remembered == 0));
        if (remembered == 0) return;
        Shown memory shown = _handler.shownAt(remembered - 1);
        assert(head.leafHash == shown.hash && head.version == shown.leaf.version);
        assert(_ledger.verifyRecord(shown.leaf, shown.inclusion));
    }

    function _verifyRefusals(Shown memory shown) private view {
        Inclusion memory told = shown.inclusion;
        uint64 seq = shown.leaf.seq;
        (uint32 count, bytes32[] memory path) = (told.count, told.path);
        told.count = count + 1;
        assert(!_isAnchored(shown, seq, shown.hash, told));
        told.count = count - 1;
        assert(!_isAnchored(shown, seq, shown.hash, told));
        told.count = count;
        told.path = Trees.appended(path, shown.hash);
        assert(!_isAnchored(shown, seq, shown.hash, told));
        if (path.length == 0) return;
        told.path = Trees.shortened(path);
        assert(!_isAnchored(shown, seq, shown.hash, told));
        _verifyNoNode(shown, told, path);
    }

    /// @dev The tree of half the size whose leaves are nodes has the same root; the ledger's word excludes it.
    function _verifyNoNode(Shown memory shown, Inclusion memory told, bytes32[] memory path) private view {
        bool isLeft = (shown.leaf.seq - told.first) % 2 == 0;
        bytes32 parent = isLeft ? Trees.node(shown.hash, path[0]) : Trees.node(path[0], shown.hash);
        bytes32[] memory above = new bytes32[](path.length - 1);
        for (uint256 i = 0; i < above.length; ++i) {
            above[i] = path[i + 1];
        }
        told.path = above;
        uint64 place = told.first + (shown.leaf.seq - told.first) / 2;
        assert(!_isAnchored(shown, place, parent, told));
        told.count = (told.count + 1) / 2;
        assert(!_isAnchored(shown, place, parent, told));
    }

    function _isAnchored(Shown memory shown, uint64 seq, bytes32 hash, Inclusion memory told)
        private
        view
        returns (bool)
    {
        return _ledger.verify(shown.leaf.log, seq, hash, told);
    }
}

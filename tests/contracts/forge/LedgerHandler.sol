// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Leaves} from "../../../contracts/libraries/Leaves.sol";
import {MerkleTree} from "../../../contracts/libraries/MerkleTree.sol";
import {AgencyStatus, Role} from "../../../contracts/types/Agencies.sol";
import {AgencyId} from "../../../contracts/types/AgencyId.sol";
import {DatasetId} from "../../../contracts/types/DatasetId.sol";
import {Batch, Head, Inclusion, LogKind, Part, RecordLeaf} from "../../../contracts/types/Ledger.sol";
import {LogId, NO_LOG} from "../../../contracts/types/LogId.sol";
import {RecordId} from "../../../contracts/types/RecordId.sol";
import {SubjectId} from "../../../contracts/types/SubjectId.sol";
import {DatasetStatus, SharingClass} from "../../../contracts/types/Terms.sol";
import {CityOfTests} from "./CityOfTests.sol";
import {Trees} from "./Trees.sol";
import {bounded, vm} from "./Vm.sol";

/// @dev A leaf under an anchored root, with all that is needed to prove it again.
struct Shown {
    RecordLeaf leaf;
    bytes32 hash;
    Inclusion inclusion;
}

/// @notice Makes random valid and invalid calls to the ledger, and records the expected state.
contract LedgerHandler is CityOfTests {
    using Leaves for *;
    using MerkleTree for bytes32;
    using Trees for bytes32[];

    uint256 private constant MAX_LOGS = 8;
    uint256 private constant MAX_COUNT = 6;
    address private constant _STRANGER = address(0xC0000);

    DatasetId[2] public datasets;
    Shown[] private _shown;
    /// @dev The expected state of the ledger.
    mapping(uint64 log => uint64) public nextOf;
    mapping(uint64 log => bool) public isClosed;
    mapping(uint64 log => mapping(uint64 first => bool)) public beginsAt;
    mapping(DatasetId dataset => mapping(RecordId record => uint256)) private _headOf;
    /// @dev Violated invariants, by their numbers in README.md in this folder, that a later check of the state cannot find.
    uint256 public broken;
    uint256 public moves;
    uint256 public refusedMoves;

    constructor() {
        datasets =
            [publish(2, "a/b/two", SharingClass.Unconditional), publish(1, "a/b/one", SharingClass.Unconditional)];
    }

    // ---- Calls ----

    function openLog(uint32 agency, uint256 dice, uint256 operator) external {
        if (ledger.logCount() >= MAX_LOGS) return;
        agency = _agency(agency);
        LogKind kind = dice % 4 == 0 ? LogKind.Receipts : LogKind.Records;
        vm.prank(accountOf(agency));
        ledger.openLog(AgencyId.wrap(agency), kind, _operator(operator), NO_LOG);
    }

    function closeLog(uint64 log, uint256 chance) external {
        if (chance % 4 != 0) return;
        log = _log(log);
        vm.prank(accountOf(AgencyId.unwrap(ledger.logOf(LogId.wrap(log)).agency)));
        ledger.closeLog(LogId.wrap(log));
        isClosed[log] = true;
    }

    function setOperator(uint64 log, uint256 operator, uint256 chance) external {
        if (chance % 4 != 0) return;
        log = _log(log);
        vm.prank(accountOf(AgencyId.unwrap(ledger.logOf(LogId.wrap(log)).agency)));
        ledger.setOperator(LogId.wrap(log), _operator(operator));
    }

    function changeStanding(uint32 agency, uint256 move) external {
        AgencyId id = AgencyId.wrap(_agency(agency));
        (AgencyStatus status,) = registry.standing(id);
        if (status != AgencyStatus.Active) registry.reinstate(id);
        else if (move % 8 == 0) registry.suspend(id);
        else if (move % 8 == 1) registry.reportCompromise(id);
    }

    /// @notice Anchors a batch of new leaves, at the right number and by the right account, or not.
    function anchor(uint64 log, uint256 seed, uint256 count, uint256 sender, uint256 fault) external {
        log = _log(log);
        count = bounded(count, 1, MAX_COUNT);
        uint64 first = ledger.logOf(LogId.wrap(log)).next;
        if (fault % 5 == 0) first += uint64(bounded(seed, 1, 3));
        RecordLeaf[] memory leaves = _leaves(log, first, seed, count);
        (bytes32[] memory hashes, Batch[] memory batches) = _batch(log, first, leaves);
        address operator = fault % 7 == 0 ? _operator(sender) : ledger.logOf(LogId.wrap(log)).operator;
        bool isAnchored = ledger.batchAt(LogId.wrap(log), first) != 0;
        bool fits = first == nextOf[log] && !isClosed[log] && operator == ledger.logOf(LogId.wrap(log)).operator;

        vm.prank(operator);
        ledger.anchor(batches);

        bool wasAccepted = ledger.logOf(LogId.wrap(log)).next != nextOf[log];
        if (wasAccepted != fits || (wasAccepted && isAnchored)) broken |= 1 << 3;
        if (wasAccepted) _remember(log, first, hashes, leaves);
    }

    /// @notice Moves a head to any leaf that was ever anchored, from the right head or another, by the operator or another.
    function moveHead(uint256 which, uint256 expected, uint256 fault) external {
        if (_shown.length == 0) return;
        // The newest are chosen more often: most of the older ones are too low by then.
        uint256 from = which % 4 != 0 && _shown.length > 8 ? _shown.length - 8 : 0;
        which = from + (which >> 8) % (_shown.length - from);
        if (fault % 3 == 1) which = _newestInClosedLog(which);
        Shown memory shown = _shown[which];
        Head memory before = ledger.headOf(shown.leaf.dataset, shown.leaf.record);
        bytes32 follows = fault % 4 == 0 ? _shown[expected % _shown.length].hash : before.leafHash;
        address operator = ledger.logOf(shown.leaf.log).operator;
        address caller = fault % 5 == 0 ? _STRANGER : operator;
        bool may = caller == operator && follows == before.leafHash && _mayLand(shown, before);
        if (fault % 6 == 0) {
            shown.leaf.version += 1; // a leaf that was never anchored
            may = false;
        }

        vm.prank(caller);
        try ledger.moveHead(shown.leaf, shown.inclusion, follows) {
            if (!may) broken |= 1 << 7;
            _headOf[shown.leaf.dataset][shown.leaf.record] = which + 1;
            ++moves;
        } catch {
            if (may) broken |= 1 << 8;
            ++refusedMoves;
        }
        Head memory now_ = ledger.headOf(shown.leaf.dataset, shown.leaf.record);
        if (now_.version < before.version) broken |= 1 << 6;
        if (now_.version == before.version && now_.leafHash != before.leafHash) broken |= 1 << 6;
    }

    // ---- Expected state ----

    function shownCount() external view returns (uint256) {
        return _shown.length;
    }

    function shownAt(uint256 index) external view returns (Shown memory) {
        return _shown[index];
    }

    /// @notice Removes the head of any record, as the provider's steward or a stranger, from the right head or another.
    function resetHead(uint256 which, uint256 fault) external {
        if (_shown.length == 0 || fault % 2 == 0) return;
        RecordLeaf memory leaf = _shown[which % _shown.length].leaf;
        Head memory before = ledger.headOf(leaf.dataset, leaf.record);
        bytes32 follows = fault % 3 == 0 ? _shown[fault % _shown.length].hash : before.leafHash;
        (AgencyId provider,) = catalog.standing(leaf.dataset);
        address caller = fault % 5 == 0 ? _STRANGER : accountOf(AgencyId.unwrap(provider));
        bool may = before.leafHash != 0 && follows == before.leafHash && _mayReset(provider, caller);

        vm.prank(caller);
        try ledger.resetHead(leaf.dataset, leaf.record, follows) {
            if (!may || ledger.headOf(leaf.dataset, leaf.record).version != 0) broken |= 1 << 9;
            _headOf[leaf.dataset][leaf.record] = 0;
        } catch {
            if (may) broken |= 1 << 9;
        }
    }

    /// @notice Index + 1 of the leaf that should be the head; 0 for none.
    function headOf(DatasetId dataset, RecordId record) external view returns (uint256) {
        return _headOf[dataset][record];
    }

    function recordAt(uint256 index) public pure returns (RecordId) {
        return RecordId.wrap(keccak256(abi.encode("record", index % 2)));
    }

    /// @dev The libraries take leaves from calldata.
    function hashOf(RecordLeaf calldata leaf) external pure returns (bytes32) {
        return leaf.structHash().leafHash();
    }

    // ---- Internal ----

    function _mayLand(Shown memory shown, Head memory head) private view returns (bool) {
        (AgencyId provider, DatasetStatus status) = catalog.standing(shown.leaf.dataset);
        (AgencyStatus standing,) = registry.standing(provider);
        bool isProviders =
            ledger.logOf(shown.leaf.log).agency == provider && ledger.logOf(shown.leaf.log).kind == LogKind.Records;
        bool isActive = status == DatasetStatus.Active && standing == AgencyStatus.Active;
        bool isOpen = !isClosed[LogId.unwrap(shown.leaf.log)];
        return isProviders && isActive && isOpen && shown.leaf.version > head.version;
    }

    function _mayReset(AgencyId provider, address caller) private view returns (bool) {
        (AgencyStatus standing,) = registry.standing(provider);
        Role role = registry.roleOf(provider, caller, uint40(block.timestamp));
        return standing == AgencyStatus.Active && role == Role.Steward;
    }

    function _newestInClosedLog(uint256 otherwise) private view returns (uint256) {
        for (uint256 i = _shown.length; i > 0; --i) {
            if (isClosed[LogId.unwrap(_shown[i - 1].leaf.log)]) return i - 1;
        }
        return otherwise;
    }

    function _leaves(uint64 log, uint64 first, uint256 seed, uint256 count)
        private
        view
        returns (RecordLeaf[] memory leaves)
    {
        leaves = new RecordLeaf[](count);
        for (uint256 i = 0; i < count; ++i) {
            uint256 dice = uint256(keccak256(abi.encode(seed, i)));
            leaves[i] = _leaf(log, first + uint64(i), dice);
        }
    }

    function _leaf(uint64 log, uint64 seq, uint256 dice) private view returns (RecordLeaf memory leaf) {
        leaf.instance = instance;
        leaf.log = LogId.wrap(log);
        leaf.seq = seq;
        // Mostly of its own agency, as with an honest operator.
        AgencyId agency = ledger.logOf(leaf.log).agency;
        leaf.dataset = datasets[dice % 8 == 0 ? dice >> 4 & 1 : AgencyId.unwrap(agency) % 2];
        leaf.record = recordAt(dice >> 8);
        // Increasing, so that heads can move during the whole history, and slowly enough that some are too low.
        leaf.version = uint32(bounded(dice >> 16, 1, 4) + _shown.length / 2);
        leaf.subjects = new SubjectId[](0);
        leaf.schema = bytes32(dice);
        leaf.parts = new Part[](1);
    }

    function _batch(uint64 log, uint64 first, RecordLeaf[] memory leaves)
        private
        view
        returns (bytes32[] memory hashes, Batch[] memory batches)
    {
        hashes = new bytes32[](leaves.length);
        for (uint256 i = 0; i < leaves.length; ++i) {
            hashes[i] = this.hashOf(leaves[i]);
        }
        batches = new Batch[](1);
        batches[0] = Batch(LogId.wrap(log), first, uint32(leaves.length), hashes.root(0, hashes.length));
    }

    function _remember(uint64 log, uint64 first, bytes32[] memory hashes, RecordLeaf[] memory leaves) private {
        nextOf[log] = first + uint64(leaves.length);
        beginsAt[log][first] = true;
        bytes32 root = hashes.root(0, hashes.length);
        for (uint256 i = 0; i < leaves.length; ++i) {
            Shown storage shown = _shown.push();
            shown.leaf.instance = leaves[i].instance;
            shown.leaf.log = leaves[i].log;
            shown.leaf.seq = leaves[i].seq;
            shown.leaf.dataset = leaves[i].dataset;
            shown.leaf.record = leaves[i].record;
            shown.leaf.version = leaves[i].version;
            shown.leaf.schema = leaves[i].schema;
            shown.leaf.parts.push(leaves[i].parts[0]);
            shown.hash = hashes[i];
            shown.inclusion = Inclusion(first, uint32(leaves.length), root, hashes.path(i));
        }
    }

    function _agency(uint32 any) private pure returns (uint32) {
        return uint32(bounded(any, 1, AGENCIES));
    }

    function _log(uint64 any) private view returns (uint64) {
        return uint64(bounded(any, 1, ledger.logCount()));
    }

    function _operator(uint256 any) private pure returns (address) {
        return address(uint160(0xB0000 + any % 2));
    }
}

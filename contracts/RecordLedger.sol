// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IAgencyRegistry} from "./interfaces/IAgencyRegistry.sol";
import {IDataCatalog} from "./interfaces/IDataCatalog.sol";
import {IRecordLedger} from "./interfaces/IRecordLedger.sol";
import {Leaves} from "./libraries/Leaves.sol";
import {MerkleTree} from "./libraries/MerkleTree.sol";
import {AgencyStatus, Role} from "./types/Agencies.sol";
import {AgencyId, NO_AGENCY} from "./types/AgencyId.sol";
import {DatasetId} from "./types/DatasetId.sol";
import {Batch, Head, Inclusion, Log, LogKind, ReceiptLeaf, RecordLeaf, Tombstone} from "./types/Ledger.sol";
import {LogId, NO_LOG} from "./types/LogId.sol";
import {RecordId} from "./types/RecordId.sol";
import {DatasetStatus} from "./types/Terms.sol";

contract RecordLedger is IRecordLedger {
    using Leaves for *;
    using MerkleTree for bytes32;

    uint256 private constant MAX_COUNT = 65_536;

    /// @inheritdoc IRecordLedger
    IAgencyRegistry public immutable registry;
    /// @inheritdoc IRecordLedger
    IDataCatalog public immutable catalog;
    /// @inheritdoc IRecordLedger
    bytes32 public immutable instance;

    /// @inheritdoc IRecordLedger
    uint64 public logCount;

    mapping(LogId log => Log) private _logs;
    /// @dev keccak(abi.encode(root, count)); zero where no batch begins.
    mapping(LogId log => mapping(uint64 first => bytes32 word)) private _batches;
    mapping(DatasetId dataset => mapping(RecordId record => Head)) private _heads;

    constructor(IAgencyRegistry registry_, IDataCatalog catalog_, bytes32 instance_) {
        registry = registry_;
        catalog = catalog_;
        instance = instance_;
    }

    modifier onlyAccount(AgencyId agency) {
        bool isAccount = msg.sender == registry.accountOf(agency);
        require(isAccount, RecordLedgerNotAccount(agency, msg.sender));
        _;
    }

    // ---- Logs: the agency's account ----

    function openLog(AgencyId agency, LogKind kind, address operator, LogId predecessor)
        external
        onlyAccount(agency)
        returns (LogId log)
    {
        _checkActive(agency);
        require(kind != LogKind.None, RecordLedgerZeroKind());
        require(operator != address(0), RecordLedgerZeroOperator());
        bool isSuccessor = predecessor == NO_LOG || _isLogOf(predecessor, agency, kind);
        require(isSuccessor, RecordLedgerPredecessorMismatch(predecessor, agency, kind));

        log = LogId.wrap(++logCount);
        _logs[log] = Log({agency: agency, kind: kind, closed: false, next: 0, operator: operator});

        emit LogOpened(log, agency, kind, operator, predecessor);
    }

    function closeLog(LogId log) external onlyAccount(_logs[log].agency) {
        _checkOpen(log);

        _logs[log].closed = true;

        emit LogClosed(log);
    }

    function setOperator(LogId log, address operator) external onlyAccount(_logs[log].agency) {
        _checkActive(_logs[log].agency);
        _checkOpen(log);
        require(operator != address(0), RecordLedgerZeroOperator());

        _logs[log].operator = operator;

        emit OperatorSet(log, operator);
    }

    // ---- Anchoring: the log's operator ----

    function anchor(Batch[] calldata items) external {
        require(items.length > 0, RecordLedgerNoBatches());

        for (uint256 i = 0; i < items.length; ++i) {
            _anchorOrSkip(items[i]);
        }
    }

    // ---- Heads: the operator of the leaf's log, and the provider's stewards ----

    function moveHead(RecordLeaf calldata leaf, Inclusion calldata inclusion, bytes32 expected) external {
        bytes32 leafHash = leaf.structHash().leafHash();
        AgencyId provider = _providerFor(leaf.log, leaf.dataset);
        bool isAnchored = _isRecordAnchored(provider, leaf, leafHash, inclusion);
        require(isAnchored, RecordLedgerNotAnchored(leaf.log, leaf.seq, leafHash));
        Head storage head = _heads[leaf.dataset][leaf.record];
        _checkFollows(leaf, head, expected);

        (head.leafHash, head.version) = (leafHash, leaf.version);

        emit HeadMoved(leaf.dataset, leaf.record, leafHash, expected, leaf.version);
    }

    function resetHead(DatasetId dataset, RecordId record, bytes32 expected) external {
        _checkStewardOf(dataset);
        Head memory head = _heads[dataset][record];
        _checkExpected(dataset, record, expected, head.leafHash);
        require(head.leafHash != 0, RecordLedgerNoHead(dataset, record));

        delete _heads[dataset][record];

        emit HeadReset(dataset, record, head.leafHash, head.version);
    }

    // ---- Views ----

    function logOf(LogId log) external view returns (Log memory) {
        return _logs[log];
    }

    function batchAt(LogId log, uint64 first) external view returns (bytes32 word) {
        return _batches[log][first];
    }

    function headOf(DatasetId dataset, RecordId record) external view returns (Head memory) {
        return _heads[dataset][record];
    }

    function verify(LogId log, uint64 seq, bytes32 leafHash, Inclusion calldata inclusion) public view returns (bool) {
        bool isAnchored = _batches[log][inclusion.first] == _word(inclusion.root, inclusion.count);
        if (!isAnchored || seq < inclusion.first) return false;
        uint64 index = seq - inclusion.first;
        return leafHash.isIncluded(index, inclusion.count, inclusion.path, inclusion.root);
    }

    function verifyRecord(RecordLeaf calldata leaf, Inclusion calldata inclusion) external view returns (bool) {
        (AgencyId provider,) = catalog.standing(leaf.dataset);
        return _isRecordAnchored(provider, leaf, leaf.structHash().leafHash(), inclusion);
    }

    function verifyTombstone(Tombstone calldata leaf, Inclusion calldata inclusion) external view returns (bool) {
        if (_logs[leaf.log].kind != LogKind.Records || leaf.instance != instance) return false;
        return verify(leaf.log, leaf.seq, leaf.structHash().leafHash(), inclusion);
    }

    function verifyReceipt(ReceiptLeaf calldata leaf, Inclusion calldata inclusion) external view returns (bool) {
        if (_logs[leaf.log].kind != LogKind.Receipts || leaf.instance != instance) return false;
        return verify(leaf.log, leaf.seq, leaf.structHash().leafHash(), inclusion);
    }

    // ---- Internal ----

    function _anchorOrSkip(Batch calldata batch) private {
        Log memory log = _logs[batch.log];
        SkipReason reason = _skipReason(log, batch);
        if (reason != SkipReason.None) {
            emit Skipped(batch.log, batch.first, log.next, reason);
            return;
        }

        _logs[batch.log].next = log.next + batch.count;
        _batches[batch.log][batch.first] = _word(batch.root, batch.count);

        emit BatchAnchored(batch.log, batch.first, batch.count, batch.root);
    }

    function _skipReason(Log memory log, Batch calldata batch) private view returns (SkipReason) {
        if (log.kind == LogKind.None) return SkipReason.UnknownLog;
        if (log.closed) return SkipReason.LogClosed;
        if (log.operator != msg.sender) return SkipReason.NotOperator;
        if (log.next != batch.first) return SkipReason.WrongFirst;
        if (batch.count == 0 || batch.count > MAX_COUNT) return SkipReason.CountOutOfRange;
        return SkipReason.None;
    }

    function _isRecordAnchored(
        AgencyId provider,
        RecordLeaf calldata leaf,
        bytes32 leafHash,
        Inclusion calldata inclusion
    ) private view returns (bool) {
        bool isProviders = provider != NO_AGENCY && _isLogOf(leaf.log, provider, LogKind.Records);
        if (!isProviders || leaf.instance != instance) return false;
        return verify(leaf.log, leaf.seq, leafHash, inclusion);
    }

    function _providerFor(LogId log, DatasetId dataset) private view returns (AgencyId provider) {
        require(_logs[log].operator == msg.sender, RecordLedgerNotOperator(log, msg.sender));
        _checkOpen(log);
        DatasetStatus status;
        (provider, status) = catalog.standing(dataset);
        _checkStanding(dataset, provider, status);
    }

    function _checkStewardOf(DatasetId dataset) private view {
        (AgencyId provider, DatasetStatus status) = catalog.standing(dataset);
        Role role = registry.roleOf(provider, msg.sender, uint40(block.timestamp));
        require(role == Role.Steward, RecordLedgerNotSteward(provider, msg.sender));
        _checkStanding(dataset, provider, status);
    }

    function _checkStanding(DatasetId dataset, AgencyId provider, DatasetStatus status) private view {
        require(status == DatasetStatus.Active, RecordLedgerDatasetNotActive(dataset, status));
        _checkActive(provider);
    }

    function _checkFollows(RecordLeaf calldata leaf, Head storage head, bytes32 expected) private view {
        (bytes32 actual, uint32 version) = (head.leafHash, head.version);
        _checkExpected(leaf.dataset, leaf.record, expected, actual);
        bool isForward = leaf.version > version;
        require(isForward, RecordLedgerHeadNotForward(leaf.dataset, leaf.record, leaf.version, version));
    }

    function _checkExpected(DatasetId dataset, RecordId record, bytes32 expected, bytes32 actual) private pure {
        require(actual == expected, RecordLedgerHeadMoved(dataset, record, expected, actual));
    }

    function _checkActive(AgencyId agency) private view {
        (AgencyStatus status,) = registry.standing(agency);
        require(status == AgencyStatus.Active, RecordLedgerAgencyNotActive(agency, status));
    }

    function _checkOpen(LogId log) private view {
        bool isOpen = _logs[log].kind != LogKind.None && !_logs[log].closed;
        require(isOpen, RecordLedgerLogNotOpen(log));
    }

    function _isLogOf(LogId log, AgencyId agency, LogKind kind) private view returns (bool) {
        return _logs[log].agency == agency && _logs[log].kind == kind;
    }

    function _word(bytes32 root, uint32 count) private pure returns (bytes32) {
        return keccak256(abi.encode(root, count));
    }
}

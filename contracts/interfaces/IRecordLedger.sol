// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {AgencyStatus} from "../types/Agencies.sol";
import {AgencyId} from "../types/AgencyId.sol";
import {DatasetStatus} from "../types/Terms.sol";
import {DatasetId} from "../types/DatasetId.sol";
import {Batch, Head, Inclusion, Log, LogKind, ReceiptLeaf, RecordLeaf, Tombstone} from "../types/Ledger.sol";
import {LogId} from "../types/LogId.sol";
import {RecordId} from "../types/RecordId.sol";
import {IAgencyRegistry} from "./IAgencyRegistry.sol";
import {IDataCatalog} from "./IDataCatalog.sol";

/// @title Logs of record and receipt leaves, the batches in which they were anchored, and the heads of records.
/// @notice Stores one word for each batch; the other data of a proof is in the proof file (SPEC.md §4, §7).
///
/// Warning: an anchor proves that a leaf has not changed since. It does not prove that the leaf is true.
/// Warning: a log's operator is trusted not to anchor what it did not write; it cannot anchor a number twice.
/// Warning: only {HeadReset}, caused by a steward of the provider, takes a head back: a reader of heads must follow both events.
/// Warning: {moveHead} publishes the whole leaf in its calldata: digests, and the pseudonyms of the record's subjects.
interface IRecordLedger {
    /// @dev The reason for which {anchor} skipped a batch. Events never hold None.
    enum SkipReason {
        None,
        UnknownLog,
        LogClosed,
        NotOperator,
        WrongFirst,
        CountOutOfRange
    }

    /// @notice A log was opened, at number 0. `predecessor` is the log that it continues, or zero.
    event LogOpened(
        LogId indexed log, AgencyId indexed agency, LogKind kind, address operator, LogId indexed predecessor
    );
    /// @notice The log permanently accepts no further batches.
    event LogClosed(LogId indexed log);
    /// @notice The log's operator is now this account.
    event OperatorSet(LogId indexed log, address operator);
    /// @notice The leaves first … first + count − 1 are anchored under `root`.
    event BatchAnchored(LogId indexed log, uint64 indexed first, uint32 count, bytes32 root);
    /// @notice A batch was skipped. `next` is the number that the log expects; 0 for an unknown log.
    event Skipped(LogId indexed log, uint64 indexed first, uint64 next, SkipReason reason);
    /// @notice The record's head moved from `previous` (zero: no head) to `leafHash`, so `version` is now its current version.
    event HeadMoved(
        DatasetId indexed dataset, RecordId indexed record, bytes32 leafHash, bytes32 previous, uint32 version
    );
    /// @notice A steward removed the record's head, so the record has none. `leafHash` and `version` are those of the old head.
    event HeadReset(DatasetId indexed dataset, RecordId indexed record, bytes32 leafHash, uint32 version);

    /// @notice Only the account of the log's agency may call this.
    error RecordLedgerNotAccount(AgencyId agency, address caller);
    /// @notice The agency's status does not allow this call (SPEC.md §2.2).
    error RecordLedgerAgencyNotActive(AgencyId agency, AgencyStatus status);
    /// @notice The kind is None; a log holds records or receipts.
    error RecordLedgerZeroKind();
    /// @notice The operator is zero.
    error RecordLedgerZeroOperator();
    /// @notice A log continues only a log of the same agency and kind.
    error RecordLedgerPredecessorMismatch(LogId predecessor, AgencyId agency, LogKind kind);
    /// @notice The log is closed, or was never opened.
    error RecordLedgerLogNotOpen(LogId log);
    /// @notice The array of batches is empty.
    error RecordLedgerNoBatches();
    /// @notice Only the operator of the leaf's log may move a head to it.
    error RecordLedgerNotOperator(LogId log, address caller);
    /// @notice The dataset is retired, or there is none (SPEC.md §4.1).
    error RecordLedgerDatasetNotActive(DatasetId dataset, DatasetStatus status);
    /// @notice The leaf is not anchored at this place in a record log of the dataset's provider.
    error RecordLedgerNotAnchored(LogId log, uint64 seq, bytes32 leafHash);
    /// @notice The head is not the one that the caller expects: another version is the current head. Zero means no head.
    error RecordLedgerHeadMoved(DatasetId dataset, RecordId record, bytes32 expected, bytes32 actual);
    /// @notice A head moves only to a higher version.
    error RecordLedgerHeadNotForward(DatasetId dataset, RecordId record, uint32 version, uint32 headVersion);
    /// @notice Only a steward of the dataset's provider may remove a head.
    error RecordLedgerNotSteward(AgencyId provider, address caller);
    /// @notice The record has no head to remove.
    error RecordLedgerNoHead(DatasetId dataset, RecordId record);

    /// @notice Opens a log. The agency's account only; the agency must be Active.
    /// @param predecessor the log of the same agency and kind that this one continues; zero for none.
    function openLog(AgencyId agency, LogKind kind, address operator, LogId predecessor) external returns (LogId log);

    /// @notice Closes a log, permanently. The agency's account only, in any status.
    function closeLog(LogId log) external;

    /// @notice Gives an open log another operator. The agency's account only; the agency must be Active.
    function setOperator(LogId log, address operator) external;

    /// @notice Anchors each batch that passes the checks and emits {Skipped} for each other one, so that one stale log
    /// cannot block the others. Reverts only for an empty array. Each log's operator, in any status of the agency: leaves
    /// are evidence.
    function anchor(Batch[] calldata batches) external;

    /// @notice Moves the record's head to the leaf if it still points to `expected`: so of two versions that follow the same
    /// one, only one becomes the head. The operator of the leaf's log only; provider and dataset must be Active, the log open, the leaf
    /// anchored and its version above the head's. Refuses in the order of SPEC.md §4.1.
    /// @param inclusion the position of the leaf in an anchored batch of its log.
    /// @param expected leaf hash of the current head; zero for none.
    function moveHead(RecordLeaf calldata leaf, Inclusion calldata inclusion, bytes32 expected) external;

    /// @notice Removes the record's head if it still points to `expected`; any version may then become the first head. This
    /// undoes a move that an operator should not have made, such as one to the highest possible version. A steward of the
    /// provider only; provider and dataset must be Active. Take the log from such an operator first. Refuses in the order
    /// of SPEC.md §4.1.
    /// @param expected leaf hash of the current head.
    function resetHead(DatasetId dataset, RecordId record, bytes32 expected) external;

    /// @notice The registry and the catalog that this ledger reads.
    function registry() external view returns (IAgencyRegistry);

    /// @notice See {registry}.
    function catalog() external view returns (IDataCatalog);

    /// @notice The deployment's id, which every leaf must hold.
    function instance() external view returns (bytes32);

    /// @notice The number of logs ever opened; also the highest id.
    function logCount() external view returns (uint64);

    /// @notice The current state of the log; all zero for a missing one.
    function logOf(LogId log) external view returns (Log memory);

    /// @notice keccak(abi.encode(root, count)) of the batch that begins at `first`; zero if none does.
    function batchAt(LogId log, uint64 first) external view returns (bytes32 word);

    /// @notice The head of the record; all zero for a record without head.
    function headOf(DatasetId dataset, RecordId record) external view returns (Head memory);

    /// @notice Whether `leafHash` is the leaf numbered `seq` of the log, by an anchored batch.
    /// @dev Does not check the contents of the leaf: the functions below do.
    function verify(LogId log, uint64 seq, bytes32 leafHash, Inclusion calldata inclusion)
        external
        view
        returns (bool isAnchored);

    /// @notice Whether the leaf is anchored, in a record log of the dataset's provider, in this deployment.
    /// @dev Does not check the leaf's own form, such as the order of its subjects (SPEC.md §3).
    function verifyRecord(RecordLeaf calldata leaf, Inclusion calldata inclusion)
        external
        view
        returns (bool isAnchored);

    /// @notice Whether the leaf is anchored in a record log of this deployment.
    /// @dev The erased leaf is named by its hash only: verify that leaf by {verifyRecord}, in a log of the
    /// same agency, to learn whose record it was.
    function verifyTombstone(Tombstone calldata leaf, Inclusion calldata inclusion)
        external
        view
        returns (bool isAnchored);

    /// @notice Whether the leaf is anchored in a receipt log of this deployment.
    function verifyReceipt(ReceiptLeaf calldata leaf, Inclusion calldata inclusion)
        external
        view
        returns (bool isAnchored);
}

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
/// @notice Holds one word a batch; what a proof needs is in the proof file (SPEC.md §4, §7).
///
/// Warning: an anchor proves that a leaf was not changed since. It does not prove that the leaf is true.
/// Warning: a log's operator is trusted not to anchor what it did not write; it cannot anchor a number twice.
/// Warning: a head goes back only by {HeadReset}, which a steward of the provider causes: who relies on a head follows both events.
/// Warning: {moveHead} publishes the whole leaf in its calldata: digests, and the pseudonyms of the record's subjects.
interface IRecordLedger {
    /// @dev Why {anchor} left a batch out. None is not used in events.
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
    /// @notice The log takes no more batches, for good.
    event LogClosed(LogId indexed log);
    /// @notice The log's operator is now this account.
    event OperatorSet(LogId indexed log, address operator);
    /// @notice The leaves first … first + count − 1 stand under `root`.
    event BatchAnchored(LogId indexed log, uint64 indexed first, uint32 count, bytes32 root);
    /// @notice A batch was left out. `next` is the number that the log waits for; 0 for an unknown log.
    event Skipped(LogId indexed log, uint64 indexed first, uint64 next, SkipReason reason);
    /// @notice The record's version has landed: its head pointed to `previous` (zero: to nothing) and now points to `leafHash`.
    event HeadMoved(
        DatasetId indexed dataset, RecordId indexed record, bytes32 leafHash, bytes32 previous, uint32 version
    );
    /// @notice A steward took the record's head away: nothing of it has landed any more. These are what it was.
    event HeadReset(DatasetId indexed dataset, RecordId indexed record, bytes32 leafHash, uint32 version);

    /// @notice Only the account of the log's agency may call this.
    error RecordLedgerNotAccount(AgencyId agency, address caller);
    /// @notice The agency's status does not allow this call (SPEC.md §2.2).
    error RecordLedgerAgencyNotActive(AgencyId agency, AgencyStatus status);
    /// @notice A log holds records or receipts.
    error RecordLedgerZeroKind();
    /// @notice The operator is zero.
    error RecordLedgerZeroOperator();
    /// @notice A log continues only a log of the same agency and kind.
    error RecordLedgerPredecessorMismatch(LogId predecessor, AgencyId agency, LogKind kind);
    /// @notice The log is closed, or was never opened.
    error RecordLedgerLogNotOpen(LogId log);
    /// @notice There is nothing to anchor.
    error RecordLedgerNoBatches();
    /// @notice Only the operator of the leaf's log may move a head to it.
    error RecordLedgerNotOperator(LogId log, address caller);
    /// @notice The dataset is retired, or there is none (SPEC.md §4.1).
    error RecordLedgerDatasetNotActive(DatasetId dataset, DatasetStatus status);
    /// @notice The leaf is not anchored at this place in a record log of the dataset's provider.
    error RecordLedgerNotAnchored(LogId log, uint64 seq, bytes32 leafHash);
    /// @notice The head is not the one that the caller follows: another version has landed. Zero is no head.
    error RecordLedgerHeadMoved(DatasetId dataset, RecordId record, bytes32 expected, bytes32 actual);
    /// @notice A head only moves to a higher version.
    error RecordLedgerHeadNotForward(DatasetId dataset, RecordId record, uint32 version, uint32 headVersion);
    /// @notice Only a steward of the dataset's provider may take a head away.
    error RecordLedgerNotSteward(AgencyId provider, address caller);
    /// @notice The record has no head that could be taken away.
    error RecordLedgerNoHead(DatasetId dataset, RecordId record);

    /// @notice Opens a log. The agency's account only; the agency must be Active.
    /// @param predecessor the log of the same agency and kind that this one continues; zero for none.
    function openLog(AgencyId agency, LogKind kind, address operator, LogId predecessor) external returns (LogId log);

    /// @notice Closes a log, for good. The agency's account only, in any status.
    function closeLog(LogId log) external;

    /// @notice Gives an open log another operator. The agency's account only; the agency must be Active.
    function setOperator(LogId log, address operator) external;

    /// @notice Anchors each batch that fits and emits {Skipped} for each that does not, so that one stale log cannot hold up
    /// the others. Reverts only for an empty array. Each log's operator, whatever the agency's status: leaves are evidence.
    function anchor(Batch[] calldata batches) external;

    /// @notice Points the record's head to the leaf if it still points to `expected`: so of two versions that follow the same
    /// one, only one lands. The operator of the leaf's log only; provider and dataset must be Active, the log open, the leaf
    /// anchored and its version above the head's. Refuses in the order of SPEC.md §4.1.
    /// @param inclusion where the leaf stands in an anchored batch of its log.
    /// @param expected leaf hash of the present head; zero for none.
    function moveHead(RecordLeaf calldata leaf, Inclusion calldata inclusion, bytes32 expected) external;

    /// @notice Takes the record's head away if it still points to `expected`; then any version may land as the first. This undoes
    /// what an operator landed who should not have, such as the highest version of all. A steward of the provider only; provider
    /// and dataset must be Active. Take the log from such an operator before. Refuses in the order of SPEC.md §4.1.
    /// @param expected leaf hash of the present head.
    function resetHead(DatasetId dataset, RecordId record, bytes32 expected) external;

    /// @notice The registry and the catalog that this ledger asks.
    function registry() external view returns (IAgencyRegistry);

    /// @notice See {registry}.
    function catalog() external view returns (IDataCatalog);

    /// @notice The deployment's id, which every leaf must hold.
    function instance() external view returns (bytes32);

    /// @notice How many logs were ever opened; also the highest id.
    function logCount() external view returns (uint64);

    /// @notice The log as it is now; all zero for a missing one.
    function logOf(LogId log) external view returns (Log memory);

    /// @notice keccak(abi.encode(root, count)) of the batch that begins at `first`; zero if none does.
    function batchAt(LogId log, uint64 first) external view returns (bytes32 word);

    /// @notice The version of the record that has landed; all zero where none has.
    function headOf(DatasetId dataset, RecordId record) external view returns (Head memory);

    /// @notice Whether `leafHash` is the leaf numbered `seq` of the log, by an anchored batch.
    /// @dev Says nothing of what the leaf holds: use one of the functions below.
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
    /// @dev The erased leaf is named by hash only: verify it by {verifyRecord} with the same log to learn whose it was.
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

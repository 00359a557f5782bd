// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {AgencyId} from "./AgencyId.sol";
import {DatasetId} from "./DatasetId.sol";
import {LogId} from "./LogId.sol";
import {Purpose} from "./Purpose.sol";
import {RecordId} from "./RecordId.sol";
import {SubjectId} from "./SubjectId.sol";

/// @dev The kind of leaves in a log; None for a missing log.
enum LogKind {
    None,
    Records,
    Receipts
}

/// @dev A numbered sequence of leaves. Fits into one storage slot, so that anchoring reads and writes it once.
struct Log {
    /// Zero for a missing log.
    AgencyId agency;
    LogKind kind;
    /// A closed log permanently accepts no further batches.
    bool closed;
    /// The number of the first leaf that is not yet anchored.
    uint48 next;
    /// The account that anchors, and that signs receipts.
    address operator;
}

/// @dev The leaves first … first + count − 1 of a log under one root.
struct Batch {
    LogId log;
    uint64 first;
    /// 1 to 65,536.
    uint32 count;
    bytes32 root;
}

/// @dev The position of a leaf in an anchored batch (RFC 9162 §2.1.3).
struct Inclusion {
    /// The batch's first number, its count and its root, as anchored.
    uint64 first;
    uint32 count;
    bytes32 root;
    /// Sibling hashes from the leaf upwards.
    bytes32[] path;
}

/// @dev The current version of a record (SPEC.md §4.1). All fields are zero for a record without head.
struct Head {
    bytes32 leafHash;
    uint32 version;
}

/// @dev One sealed part of a record.
struct Part {
    /// keccak of the part name's UTF-8.
    bytes32 nameHash;
    /// SHA-256 of the sealed bytes.
    bytes32 ciphertextDigest;
    /// HMAC-SHA256 over the exact payload bytes; discloses nothing without its opening.
    bytes32 commitment;
}

/// @dev One version of a record. SPEC.md §3.
struct RecordLeaf {
    bytes32 instance;
    LogId log;
    uint64 seq;
    DatasetId dataset;
    RecordId record;
    /// Counts from 1.
    uint32 version;
    /// Ascending, without repeats and without zero; empty where the record has no subject.
    SubjectId[] subjects;
    /// Digest of the schema that the payload was checked against.
    bytes32 schema;
    /// Every part of the dataset, in part-bit order.
    Part[] parts;
}

/// @dev The end of a record's version: its data key was destroyed. SPEC.md §3.
struct Tombstone {
    bytes32 instance;
    LogId log;
    uint64 seq;
    /// Leaf hash of the record version that was erased.
    bytes32 erasedLeaf;
    /// 1 provider's duty, 2 subject's request, 3 court or law, 4 written in error.
    uint8 reason;
    /// Unix seconds.
    uint40 erasedAt;
    /// Unix seconds; the time at which the last backup that could open it is gone.
    uint40 unrecoverableAt;
}

/// @dev The position of one read receipt in its log. SPEC.md §3.
struct ReceiptLeaf {
    bytes32 instance;
    LogId log;
    uint64 seq;
    /// Struct hash of the Receipt.
    bytes32 receipt;
    /// Leaf hash of seq − 1; zero for the first.
    bytes32 previous;
    /// Counts from 1 for each record in the log.
    uint64 readNo;
    /// Leaf hash of the read of this record before this one; zero for the first.
    bytes32 prevReadOfRecord;
}

/// @dev The outcome of one read of one subject's record. It stays off chain; only its leaf is anchored. SPEC.md §3.
struct Receipt {
    bytes32 instance;
    /// The AccessPolicy that decided, at blockNumber and blockHash.
    address policy;
    LogId log;
    uint64 blockNumber;
    bytes32 blockHash;
    uint40 at;
    uint8 action;
    bool permit;
    uint8 code;
    bytes32 grantId;
    bytes32 artefactId;
    uint32 facts;
    AgencyId provider;
    AgencyId consumer;
    string officer;
    string system;
    AgencyId represents;
    /// keccak of the case's UTF-8; zero for none.
    bytes32 caseDigest;
    DatasetId dataset;
    /// Zero for a lookup.
    RecordId record;
    /// Zero where nothing was released.
    uint32 version;
    SubjectId subject;
    Purpose purpose;
    uint8 parts;
    /// Zero where nothing was released.
    bytes32 recordLeaf;
    /// 0 unless keys were released; 1 X25519, 2 X-Wing.
    uint8 kem;
    bytes32 sealingKeyDigest;
    /// Random, so that the digest can be shown without disclosing the receipt.
    bytes32 salt;
}

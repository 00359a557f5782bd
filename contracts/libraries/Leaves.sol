// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Part, Receipt, ReceiptLeaf, RecordLeaf, Tombstone} from "../types/Ledger.sol";

/// @title EIP-712 struct hashes of everything that is anchored or signed (SPEC.md §3).
/// @dev Type hashes are computed from the types' text. Python's `proofs/leaves.py` is the counterpart; both pass
/// `tests/vectors/leaves.json`.
library Leaves {
    bytes32 internal constant PART = keccak256("Part(bytes32 nameHash,bytes32 ciphertextDigest,bytes32 commitment)");
    bytes32 internal constant RECORD_LEAF = keccak256(
        "RecordLeaf(bytes32 instance,uint64 log,uint64 seq,bytes32 dataset,bytes32 record,uint32 version,"
        "bytes32[] subjects,bytes32 schema,Part[] parts)"
        "Part(bytes32 nameHash,bytes32 ciphertextDigest,bytes32 commitment)"
    );
    bytes32 internal constant TOMBSTONE = keccak256(
        "Tombstone(bytes32 instance,uint64 log,uint64 seq,bytes32 erasedLeaf,uint8 reason,uint40 erasedAt,"
        "uint40 unrecoverableAt)"
    );
    bytes32 internal constant RECEIPT_LEAF = keccak256(
        "ReceiptLeaf(bytes32 instance,uint64 log,uint64 seq,bytes32 receipt,bytes32 previous,uint64 readNo,"
        "bytes32 prevReadOfRecord)"
    );
    bytes32 internal constant RECEIPT = keccak256(
        "Receipt(bytes32 instance,address policy,uint64 log,uint64 blockNumber,bytes32 blockHash,uint40 at,"
        "uint8 action,bool permit,uint8 code,bytes32 grantId,bytes32 artefactId,uint32 facts,uint32 provider,"
        "uint32 consumer,string officer,string system,uint32 represents,bytes32 caseDigest,bytes32 dataset,"
        "bytes32 record,uint32 version,bytes32 subject,bytes32 purpose,uint8 parts,bytes32 recordLeaf,uint8 kem,"
        "bytes32 sealingKeyDigest,bytes32 salt)"
    );

    /// @notice Struct hash of a record leaf.
    function structHash(RecordLeaf calldata leaf) internal pure returns (bytes32) {
        return keccak256(
            abi.encode(
                RECORD_LEAF,
                leaf.instance,
                leaf.log,
                leaf.seq,
                leaf.dataset,
                leaf.record,
                leaf.version,
                keccak256(abi.encodePacked(leaf.subjects)),
                leaf.schema,
                _partsHash(leaf.parts)
            )
        );
    }

    /// @notice Struct hash of a tombstone.
    function structHash(Tombstone calldata leaf) internal pure returns (bytes32) {
        return keccak256(abi.encode(TOMBSTONE, leaf));
    }

    /// @notice Struct hash of a receipt leaf.
    function structHash(ReceiptLeaf calldata leaf) internal pure returns (bytes32) {
        return keccak256(abi.encode(RECEIPT_LEAF, leaf));
    }

    /// @notice Struct hash of a receipt. Its 28 fields are encoded in pieces and concatenated: each field is one word.
    function structHash(Receipt calldata receipt) internal pure returns (bytes32) {
        return keccak256(bytes.concat(_decided(receipt), _requested(receipt), _released(receipt)));
    }

    function _partsHash(Part[] calldata parts) private pure returns (bytes32) {
        bytes32[] memory hashes = new bytes32[](parts.length);
        for (uint256 i = 0; i < parts.length; ++i) {
            hashes[i] = keccak256(abi.encode(PART, parts[i]));
        }
        return keccak256(abi.encodePacked(hashes));
    }

    function _decided(Receipt calldata r) private pure returns (bytes memory) {
        return bytes.concat(
            abi.encode(RECEIPT, r.instance, r.policy, r.log, r.blockNumber, r.blockHash, r.at),
            abi.encode(r.action, r.permit, r.code, r.grantId, r.artefactId, r.facts)
        );
    }

    function _requested(Receipt calldata r) private pure returns (bytes memory) {
        bytes32 officer = keccak256(bytes(r.officer));
        bytes32 system = keccak256(bytes(r.system));
        return bytes.concat(
            abi.encode(r.provider, r.consumer, officer, system, r.represents, r.caseDigest),
            abi.encode(r.dataset, r.record, r.version, r.subject, r.purpose, r.parts)
        );
    }

    function _released(Receipt calldata r) private pure returns (bytes memory) {
        return abi.encode(r.recordLeaf, r.kem, r.sealingKeyDigest, r.salt);
    }
}

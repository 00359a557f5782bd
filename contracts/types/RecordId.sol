// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @dev A record: HMAC-SHA256 of the provider's own id under the dataset's record key. Zero means no record.
type RecordId is bytes32;

using {equals as ==, differs as !=} for RecordId global;

RecordId constant NO_RECORD = RecordId.wrap(0);

function equals(RecordId a, RecordId b) pure returns (bool) {
    return RecordId.unwrap(a) == RecordId.unwrap(b);
}

function differs(RecordId a, RecordId b) pure returns (bool) {
    return RecordId.unwrap(a) != RecordId.unwrap(b);
}

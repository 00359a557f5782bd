// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @dev A log of leaves, counted from 1 in order of opening. Zero means no log.
type LogId is uint64;

using {equals as ==} for LogId global;

LogId constant NO_LOG = LogId.wrap(0);

function equals(LogId a, LogId b) pure returns (bool) {
    return LogId.unwrap(a) == LogId.unwrap(b);
}

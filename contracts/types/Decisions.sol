// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Role} from "./Agencies.sol";
import {AgencyId} from "./AgencyId.sol";
import {DatasetId} from "./DatasetId.sol";
import {Purpose} from "./Purpose.sol";
import {RecordId} from "./RecordId.sol";
import {SubjectId} from "./SubjectId.sol";

/// @dev The action that a caller requests (SPEC.md §2.2). None is denied by rule 2.
enum Action {
    None,
    Read,
    Lookup,
    Check,
    History,
    Proof,
    Release,
    Feed,
    Write,
    Restrict,
    Seal,
    Lift,
    Self,
    Erase
}

/// @dev The input of the rules. Field order is that of `Query` in types.py.
struct Query {
    /// Unix seconds: head time plus the monotonic seconds since that head arrived. Never block.timestamp.
    uint40 at;
    Action action;
    /// The role that the officer acts in.
    Role role;
    /// The requesting agency. Zero means no agency and is denied.
    AgencyId consumer;
    /// The account of an on-chain officer, or zero for an off-chain officer, whom the node vouches for.
    address officer;
    /// Unix seconds; the first second at which the officer's credential is no longer valid.
    uint40 credentialUntil;
    /// The agency that the consumer acts for; zero means none. Recorded; does not affect the decision.
    AgencyId represents;
    DatasetId dataset;
    /// Zero where no record is named, as in a lookup.
    RecordId record;
    /// Zero where the record has no subject.
    SubjectId subject;
    Purpose purpose;
    /// Bit i is the i-th part of the dataset. Zero requests existence and metadata only.
    uint8 parts;
    /// Opened consents and emergencies. Reserved: must be empty in this version.
    bytes openings;
}

/// @dev The decision of the rules with its reason. Zero is a denial.
struct Decision {
    bool permit;
    /// Rule number times 10 plus cause; a permit's cause is 0 (SPEC.md §2).
    uint8 code;
    /// The grant that satisfied rule 8; zero where none was needed or none satisfied it.
    bytes32 grantId;
    /// The consent or emergency that the decision depends on. Always zero in this version.
    bytes32 artefactId;
    /// The facts on which the rules decided (SPEC.md §2, Facts).
    uint32 facts;
}

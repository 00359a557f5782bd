// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @dev An agency, counted from 1 in order of admission. Zero means no agency.
type AgencyId is uint32;

using {equals as ==, differs as !=} for AgencyId global;

AgencyId constant NO_AGENCY = AgencyId.wrap(0);

function equals(AgencyId a, AgencyId b) pure returns (bool) {
    return AgencyId.unwrap(a) == AgencyId.unwrap(b);
}

function differs(AgencyId a, AgencyId b) pure returns (bool) {
    return AgencyId.unwrap(a) != AgencyId.unwrap(b);
}

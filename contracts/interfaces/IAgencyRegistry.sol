// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {AgencyStatus, Role} from "../types/Agencies.sol";
import {AgencyId} from "../types/AgencyId.sol";

/// @title The agencies that are members of the city, their keys, and the officers that act for them on chain.
/// @notice The states of an agency and the only transitions between them are in SPEC.md §2.3.
///
/// Warning: the council (admit, reinstate, offboard, rotateAccount) and the guard (suspend, reportCompromise) are trusted to
/// know who an agency is. An agency's account is trusted for that agency only: it appoints officers and rotates keys.
/// Warning: name, local name and endpoint are as declared to the council; nothing here proves them.
interface IAgencyRegistry {
    /// @dev The input of {admit}. Codes are permanently unique, also after offboarding.
    struct Admission {
        /// A letter, then up to 31 of A–Z, a–z, 0–9, underscore and hyphen; left-aligned, zero-padded, such as `HEALTH`.
        bytes32 code;
        string name;
        string localName;
        /// Base URL of the agency's node.
        string endpoint;
        /// The account that acts for the agency on chain. Not zero.
        address account;
        /// Digest of the HPKE public key that records are released to (SPEC.md §5). Zero: nothing can be released yet.
        bytes32 sealingKeyDigest;
        /// RFC 7638 SHA-256 thumbprint of the ES256 key that vouches for officers (SPEC.md §6). Zero: no off-chain officer can
        /// sign in.
        bytes32 credentialKeyDigest;
    }

    /// @dev The current state of an agency. All fields are zero for a missing agency.
    struct Agency {
        bytes32 code;
        string name;
        string localName;
        string endpoint;
        address account;
        AgencyStatus status;
        /// Counts from 1. Grants and appointments store the epoch they were made in and end when it increases.
        uint32 epoch;
        bytes32 sealingKeyDigest;
        bytes32 credentialKeyDigest;
    }

    /// @dev An officer's role at one agency. All fields are zero for a missing appointment.
    struct Appointment {
        Role role;
        /// Unix seconds; the first second without the role. 2^40 - 1 means no end.
        uint40 until;
        /// The agency's epoch when the appointment was made.
        uint32 epoch;
    }

    /// @notice An agency became a member: Active, epoch 1.
    event AgencyAdmitted(AgencyId indexed agency, Admission admission);
    /// @notice An agency's status or epoch changed. Also emitted by admission.
    event AgencyStatusChanged(AgencyId indexed agency, AgencyStatus status, uint32 epoch);
    /// @notice The council gave the agency another account.
    event AccountRotated(AgencyId indexed agency, address account);
    /// @notice The agency replaced its keys. Both digests are those now in effect.
    event KeysRotated(AgencyId indexed agency, bytes32 sealingKeyDigest, bytes32 credentialKeyDigest);
    /// @notice An officer's appointment is now this one; it replaces any earlier one at this agency.
    event OfficerAppointed(AgencyId indexed agency, address indexed account, Appointment appointment);
    /// @notice An officer no longer holds a role at this agency.
    event OfficerDismissed(AgencyId indexed agency, address indexed account);

    /// @notice The code is not a letter, then up to 31 of A–Z, a–z, 0–9, underscore and hyphen, then zeros.
    error AgencyRegistryInvalidCode(bytes32 code);
    /// @notice The account is zero.
    error AgencyRegistryZeroAccount();
    /// @notice The code already belongs to an agency.
    error AgencyRegistryCodeTaken(bytes32 code, AgencyId holder);
    /// @notice The transition does not exist (SPEC.md §2.3).
    error AgencyRegistryInvalidMove(AgencyId agency, AgencyStatus from, AgencyStatus to);
    /// @notice Only the agency's own account may call this.
    error AgencyRegistryNotAccount(AgencyId agency, address caller);
    /// @notice The agency's status does not allow this call (SPEC.md §2.2).
    error AgencyRegistryNotActive(AgencyId agency, AgencyStatus status);
    /// @notice The role is not one that is appointed on chain.
    error AgencyRegistryRoleNotAppointable(Role role);
    /// @notice The end is not in the future.
    error AgencyRegistryUntilPassed(uint40 until, uint256 blockTime);
    /// @notice The account holds no appointment at this agency.
    error AgencyRegistryNotAppointed(AgencyId agency, address account);

    /// @notice Admits an agency as a member. Council only.
    function admit(Admission calldata admission) external returns (AgencyId agency);

    /// @notice Active → Suspended. Guard only.
    function suspend(AgencyId agency) external;

    /// @notice Active or Suspended → Suspended, and ends every grant and appointment of the agency. Guard only.
    function reportCompromise(AgencyId agency) external;

    /// @notice Suspended → Active. Revives no grant and no appointment of an older epoch. Council only.
    function reinstate(AgencyId agency) external;

    /// @notice Active or Suspended → Offboarded, permanently. Council only.
    function offboard(AgencyId agency) external;

    /// @notice Gives a member that is not offboarded another account. Council only.
    function rotateAccount(AgencyId agency, address account) external;

    /// @notice Appoints `account`, or replaces its appointment. The agency's account only; the agency must be Active.
    /// @param role Steward, Auditor or Registrar.
    /// @param until Unix seconds, in the future; 2^40 - 1 means no end.
    function appoint(AgencyId agency, address account, Role role, uint40 until) external;

    /// @notice Removes the appointment of `account`. The agency's account only, in any status.
    function dismiss(AgencyId agency, address account) external;

    /// @notice Replaces both key digests. The agency's account only; Active or Suspended.
    function rotateKeys(AgencyId agency, bytes32 sealingKeyDigest, bytes32 credentialKeyDigest) external;

    /// @notice The role that `account` holds at `agency` at the time `at`; None if the appointment has expired, was ended by
    /// a new epoch or never existed.
    /// @dev Does not check the agency's status: a suspended agency's steward may still revoke. {standing} returns it.
    function roleOf(AgencyId agency, address account, uint40 at) external view returns (Role role);

    /// @notice The appointment as stored, whether or not it is still in effect.
    function appointmentOf(AgencyId agency, address account) external view returns (Appointment memory appointment);

    /// @notice Status and epoch; None and 0 for a missing agency.
    function standing(AgencyId agency) external view returns (AgencyStatus status, uint32 epoch);

    /// @notice The account that acts for the agency; zero for a missing agency.
    function accountOf(AgencyId agency) external view returns (address account);

    /// @notice All fields of one agency; all zero for a missing one.
    function agencyOf(AgencyId agency) external view returns (Agency memory);

    /// @notice The agency with this code; zero if there is none.
    function agencyByCode(bytes32 code) external view returns (AgencyId agency);

    /// @notice The number of agencies ever admitted; also the highest id.
    function agencyCount() external view returns (uint32);
}

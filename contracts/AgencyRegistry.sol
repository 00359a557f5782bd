// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {AccessManaged} from "@openzeppelin/contracts/access/manager/AccessManaged.sol";
import {IAgencyRegistry} from "./interfaces/IAgencyRegistry.sol";
import {Names} from "./libraries/Names.sol";
import {AgencyStatus, Role} from "./types/Agencies.sol";
import {AgencyId, NO_AGENCY} from "./types/AgencyId.sol";

contract AgencyRegistry is IAgencyRegistry, AccessManaged {
    /// @inheritdoc IAgencyRegistry
    uint32 public agencyCount;

    mapping(AgencyId agency => Agency) private _agencies;
    /// @dev Codes are never freed, so that a code in an old receipt names one agency only.
    mapping(bytes32 code => AgencyId agency) private _byCode;
    /// @dev Keyed by the agency, so that no agency can change another's officers.
    mapping(AgencyId agency => mapping(address account => Appointment)) private _appointments;

    constructor(address authority) AccessManaged(authority) {}

    modifier onlyAccount(AgencyId agency) {
        require(msg.sender == _agencies[agency].account, AgencyRegistryNotAccount(agency, msg.sender));
        _;
    }

    // ---- Membership: council and guard ----

    function admit(Admission calldata admission) external restricted returns (AgencyId agency) {
        require(Names.isCode(admission.code), AgencyRegistryInvalidCode(admission.code));
        require(admission.account != address(0), AgencyRegistryZeroAccount());
        AgencyId holder = _byCode[admission.code];
        require(holder == NO_AGENCY, AgencyRegistryCodeTaken(admission.code, holder));

        agency = AgencyId.wrap(++agencyCount);
        _byCode[admission.code] = agency;
        _write(_agencies[agency], admission);

        emit AgencyAdmitted(agency, admission);
        _move(agency, AgencyStatus.Active, 1);
    }

    function suspend(AgencyId agency) external restricted {
        _checkMove(agency, _is(agency, AgencyStatus.Active), AgencyStatus.Suspended);

        _move(agency, AgencyStatus.Suspended, 0);
    }

    function reportCompromise(AgencyId agency) external restricted {
        _checkMove(agency, _isMember(agency), AgencyStatus.Suspended);

        _move(agency, AgencyStatus.Suspended, 1);
    }

    function reinstate(AgencyId agency) external restricted {
        _checkMove(agency, _is(agency, AgencyStatus.Suspended), AgencyStatus.Active);

        _move(agency, AgencyStatus.Active, 0);
    }

    function offboard(AgencyId agency) external restricted {
        _checkMove(agency, _isMember(agency), AgencyStatus.Offboarded);

        _move(agency, AgencyStatus.Offboarded, 1);
    }

    function rotateAccount(AgencyId agency, address account) external restricted {
        require(_isMember(agency), AgencyRegistryNotActive(agency, _agencies[agency].status));
        require(account != address(0), AgencyRegistryZeroAccount());

        _agencies[agency].account = account;

        emit AccountRotated(agency, account);
    }

    // ---- Officers and keys: the agency's account ----

    function appoint(AgencyId agency, address account, Role role, uint40 until) external onlyAccount(agency) {
        require(_is(agency, AgencyStatus.Active), AgencyRegistryNotActive(agency, _agencies[agency].status));
        require(account != address(0), AgencyRegistryZeroAccount());
        require(_isHeldOnChain(role), AgencyRegistryRoleNotAppointable(role));
        require(until > block.timestamp, AgencyRegistryUntilPassed(until, block.timestamp));

        Appointment memory appointment = Appointment(role, until, _agencies[agency].epoch);
        _appointments[agency][account] = appointment;

        emit OfficerAppointed(agency, account, appointment);
    }

    function dismiss(AgencyId agency, address account) external onlyAccount(agency) {
        Role role = _appointments[agency][account].role;
        require(role != Role.None, AgencyRegistryNotAppointed(agency, account));

        delete _appointments[agency][account];

        emit OfficerDismissed(agency, account);
    }

    function rotateKeys(AgencyId agency, bytes32 sealingKeyDigest, bytes32 credentialKeyDigest)
        external
        onlyAccount(agency)
    {
        require(_isMember(agency), AgencyRegistryNotActive(agency, _agencies[agency].status));

        _agencies[agency].sealingKeyDigest = sealingKeyDigest;
        _agencies[agency].credentialKeyDigest = credentialKeyDigest;

        emit KeysRotated(agency, sealingKeyDigest, credentialKeyDigest);
    }

    // ---- Views ----

    function roleOf(AgencyId agency, address account, uint40 at) external view returns (Role role) {
        Appointment memory appointment = _appointments[agency][account];
        bool isHeld = at < appointment.until && appointment.epoch == _agencies[agency].epoch;
        return isHeld ? appointment.role : Role.None;
    }

    function appointmentOf(AgencyId agency, address account) external view returns (Appointment memory) {
        return _appointments[agency][account];
    }

    function standing(AgencyId agency) external view returns (AgencyStatus status, uint32 epoch) {
        return (_agencies[agency].status, _agencies[agency].epoch);
    }

    function accountOf(AgencyId agency) external view returns (address account) {
        return _agencies[agency].account;
    }

    function agencyOf(AgencyId agency) external view returns (Agency memory) {
        return _agencies[agency];
    }

    function agencyByCode(bytes32 code) external view returns (AgencyId agency) {
        return _byCode[code];
    }

    // ---- Internal ----

    function _write(Agency storage agency, Admission calldata admission) private {
        agency.code = admission.code;
        agency.name = admission.name;
        agency.localName = admission.localName;
        agency.endpoint = admission.endpoint;
        agency.account = admission.account;
        agency.sealingKeyDigest = admission.sealingKeyDigest;
        agency.credentialKeyDigest = admission.credentialKeyDigest;
    }

    function _move(AgencyId agency, AgencyStatus to, uint32 epochs) private {
        Agency storage stored = _agencies[agency];
        stored.status = to;
        stored.epoch += epochs;

        emit AgencyStatusChanged(agency, to, stored.epoch);
    }

    function _checkMove(AgencyId agency, bool isAllowed, AgencyStatus to) private view {
        require(isAllowed, AgencyRegistryInvalidMove(agency, _agencies[agency].status, to));
    }

    function _is(AgencyId agency, AgencyStatus status) private view returns (bool) {
        return _agencies[agency].status == status;
    }

    function _isMember(AgencyId agency) private view returns (bool) {
        return _is(agency, AgencyStatus.Active) || _is(agency, AgencyStatus.Suspended);
    }

    function _isHeldOnChain(Role role) private pure returns (bool) {
        return role == Role.Steward || role == Role.Auditor || role == Role.Registrar;
    }
}

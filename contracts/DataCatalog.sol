// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {AccessManaged} from "@openzeppelin/contracts/access/manager/AccessManaged.sol";
import {IAgencyRegistry} from "./interfaces/IAgencyRegistry.sol";
import {ICityDirectory} from "./interfaces/ICityDirectory.sol";
import {IDataCatalog} from "./interfaces/IDataCatalog.sol";
import {Names} from "./libraries/Names.sol";
import {Publications} from "./libraries/Publications.sol";
import {TermsLib} from "./libraries/TermsLib.sol";
import {TermsSlots, TermsSlotsLib} from "./libraries/TermsSlots.sol";
import {AgencyStatus, Role} from "./types/Agencies.sol";
import {AgencyId, NO_AGENCY} from "./types/AgencyId.sol";
import {DatasetId} from "./types/DatasetId.sol";
import {EMERGENCY, OWN_DUTY, Purpose} from "./types/Purpose.sol";
import {NO_RECORD, RecordId} from "./types/RecordId.sol";
import {DatasetStatus, Grant, Terms} from "./types/Terms.sol";

contract DataCatalog is IDataCatalog, AccessManaged {
    using Names for Purpose;
    using Publications for Publication;
    using TermsLib for Terms;
    using TermsSlotsLib for TermsSlots;

    IAgencyRegistry private immutable _registry;
    /// @inheritdoc IDataCatalog
    bytes32 public immutable instance;
    /// @inheritdoc IDataCatalog
    uint40 public immutable looseningDelay;

    mapping(Purpose purpose => bool isListed) private _isListed;
    mapping(DatasetId dataset => Dataset) private _datasets;
    mapping(DatasetId dataset => TermsSlots) private _terms;
    mapping(DatasetId dataset => mapping(AgencyId consumer => mapping(Purpose purpose => Grant))) private _grants;
    /// @dev Makes grant ids unique when a slot is filled again.
    uint64 private _grantSerial;
    /// @dev Consumer 0 means all consumers.
    mapping(DatasetId dataset => mapping(RecordId record => mapping(AgencyId consumer => bool isRestricted))) private
        _restricted;
    mapping(DatasetId dataset => mapping(RecordId record => bool isSealed)) private _sealed;

    constructor(address authority, IAgencyRegistry registry_, ICityDirectory directory, uint40 looseningDelay_)
        AccessManaged(authority)
    {
        _registry = registry_;
        instance = directory.instance();
        looseningDelay = looseningDelay_;
    }

    /// @dev Reverts also for a dataset that was never published: agency 0 has no steward.
    modifier onlySteward(DatasetId dataset) {
        _checkSteward(_datasets[dataset].provider);
        _;
    }

    // ---- Purposes ----

    function addPurpose(Purpose purpose) external restricted {
        require(purpose.isPurposeName(), DataCatalogInvalidPurpose(purpose));

        _setPurpose(purpose, true);
    }

    function removePurpose(Purpose purpose) external restricted {
        _setPurpose(purpose, false);
    }

    // ---- Datasets ----

    function publish(Publication calldata publication) external returns (DatasetId dataset) {
        _checkSteward(publication.provider);
        _checkProviderActive(publication.provider);
        publication.checkForm();
        _checkTerms(publication.terms);
        dataset = _datasetId(publication.provider, publication.path);
        bool isFree = _datasets[dataset].status == DatasetStatus.None;
        require(isFree, DataCatalogPathTaken(publication.provider, publication.path));

        publication.write(_datasets[dataset]);
        _terms[dataset].current = publication.terms;

        emit DatasetPublished(dataset, publication.provider, publication);
        _emitTerms(dataset);
    }

    function revise(
        DatasetId dataset,
        Terms calldata terms,
        bytes32 schemaDigest,
        uint40 retentionSeconds,
        uint40 disputePeriodSeconds
    ) external onlySteward(dataset) {
        _checkProviderActive(_datasets[dataset].provider);
        _checkDatasetActive(dataset);
        _checkTerms(terms);

        Dataset storage stored = _datasets[dataset];
        stored.schemaDigest = schemaDigest;
        stored.retentionSeconds = retentionSeconds;
        stored.disputePeriodSeconds = disputePeriodSeconds;
        uint40 blockTime = uint40(block.timestamp);
        _terms[dataset].revise(terms, blockTime, blockTime + looseningDelay);

        emit DatasetRevised(dataset, schemaDigest, retentionSeconds, disputePeriodSeconds);
        _emitTerms(dataset);
    }

    function retire(DatasetId dataset) external onlySteward(dataset) {
        _checkDatasetActive(dataset);

        _datasets[dataset].status = DatasetStatus.Retired;

        emit DatasetRetired(dataset);
    }

    // ---- Grants ----

    function grant(DatasetId dataset, AgencyId consumer, Purpose purpose, uint8 parts, uint40 since, uint40 until)
        external
        onlySteward(dataset)
        returns (bytes32 grantId)
    {
        _checkDatasetActive(dataset);
        _checkGrant(dataset, purpose, parts, since, until);
        Grant memory newGrant = Grant({
            grantId: 0,
            parts: parts,
            since: since,
            until: until,
            providerEpoch: _checkProviderActive(_datasets[dataset].provider),
            consumerEpoch: _checkConsumerActive(consumer)
        });

        newGrant.grantId = keccak256(abi.encode(dataset, consumer, purpose, ++_grantSerial));
        _grants[dataset][consumer][purpose] = newGrant;

        emit GrantSet(dataset, consumer, purpose, newGrant);
        return newGrant.grantId;
    }

    function revoke(DatasetId dataset, AgencyId consumer, Purpose purpose) external onlySteward(dataset) {
        bytes32 grantId = _grants[dataset][consumer][purpose].grantId;
        require(grantId != 0, DataCatalogNoGrant(dataset, consumer, purpose));

        delete _grants[dataset][consumer][purpose];

        emit GrantRevoked(dataset, consumer, purpose, grantId);
    }

    // ---- Records ----

    function restrict(DatasetId dataset, RecordId record, AgencyId consumer, bool isRestricted)
        external
        onlySteward(dataset)
    {
        _checkRecord(dataset, record);
        _checkKnownOrAll(consumer);
        if (!isRestricted) _checkProviderActive(_datasets[dataset].provider);

        _restricted[dataset][record][consumer] = isRestricted;

        emit RestrictionSet(dataset, record, consumer, isRestricted);
    }

    function sealByLaw(DatasetId dataset, RecordId record) external onlySteward(dataset) {
        _checkRecord(dataset, record);

        _sealed[dataset][record] = true;

        emit SealSet(dataset, record, true);
    }

    function liftSeal(DatasetId dataset, RecordId record) external restricted {
        require(_sealed[dataset][record], DataCatalogNotSealed(dataset, record));

        _sealed[dataset][record] = false;

        emit SealSet(dataset, record, false);
    }

    // ---- Views ----

    function isPurpose(Purpose purpose) public view returns (bool) {
        return _isBuiltIn(purpose) || _isListed[purpose];
    }

    function standing(DatasetId dataset) external view returns (AgencyId provider, DatasetStatus status) {
        return (_datasets[dataset].provider, _datasets[dataset].status);
    }

    function datasetOf(DatasetId dataset) external view returns (Dataset memory) {
        return _datasets[dataset];
    }

    function termsAt(DatasetId dataset, uint40 at) external view returns (Terms memory) {
        return _terms[dataset].termsAt(at);
    }

    function termsOf(DatasetId dataset)
        external
        view
        returns (Terms memory current, Terms memory pending, uint40 pendingSince)
    {
        TermsSlots storage slots = _terms[dataset];
        return (slots.current, slots.pending, slots.pendingSince);
    }

    function grantOf(DatasetId dataset, AgencyId consumer, Purpose purpose) external view returns (Grant memory) {
        return _grants[dataset][consumer][purpose];
    }

    function restrictionsOf(DatasetId dataset, RecordId record, AgencyId consumer)
        external
        view
        returns (bool forAll, bool forConsumer, bool sealedByLaw)
    {
        mapping(AgencyId consumer => bool) storage restricted_ = _restricted[dataset][record];
        return (restricted_[NO_AGENCY], restricted_[consumer], _sealed[dataset][record]);
    }

    // ---- Internal: checks ----

    function _checkSteward(AgencyId provider) private view {
        Role role = _registry.roleOf(provider, msg.sender, uint40(block.timestamp));
        require(role == Role.Steward, DataCatalogNotSteward(provider, msg.sender));
    }

    function _checkProviderActive(AgencyId provider) private view returns (uint32) {
        (AgencyStatus status, uint32 epoch) = _registry.standing(provider);
        require(status == AgencyStatus.Active, DataCatalogProviderNotActive(provider, status));
        return epoch;
    }

    function _checkConsumerActive(AgencyId consumer) private view returns (uint32) {
        (AgencyStatus status, uint32 epoch) = _registry.standing(consumer);
        require(status == AgencyStatus.Active, DataCatalogConsumerNotActive(consumer, status));
        return epoch;
    }

    function _checkKnownOrAll(AgencyId consumer) private view {
        bool isKnown = AgencyId.unwrap(consumer) <= _registry.agencyCount();
        require(isKnown, DataCatalogUnknownConsumer(consumer));
    }

    function _checkDatasetActive(DatasetId dataset) private view {
        DatasetStatus status = _datasets[dataset].status;
        require(status == DatasetStatus.Active, DataCatalogDatasetNotActive(dataset, status));
    }

    function _checkRecord(DatasetId dataset, RecordId record) private pure {
        require(record != NO_RECORD, DataCatalogZeroRecord(dataset));
    }

    function _checkGrant(DatasetId dataset, Purpose purpose, uint8 parts, uint40 since, uint40 until) private view {
        require(purpose != OWN_DUTY, DataCatalogOwnDuty());
        require(isPurpose(purpose), DataCatalogUnknownPurpose(purpose));
        require(parts >> _datasets[dataset].parts.length == 0, DataCatalogUnknownParts(dataset, parts));
        bool isInterval = since < until && block.timestamp < until;
        require(isInterval, DataCatalogInvalidInterval(since, until, block.timestamp));
    }

    function _checkTerms(Terms memory terms) private view {
        terms.check();
        for (uint256 i = 0; i < terms.purposes.length; ++i) {
            require(isPurpose(terms.purposes[i]), DataCatalogUnknownPurpose(terms.purposes[i]));
        }
    }

    // ---- Internal: writes and ids ----

    function _setPurpose(Purpose purpose, bool isListed) private {
        require(!_isBuiltIn(purpose), DataCatalogBuiltInPurpose(purpose));
        require(_isListed[purpose] != isListed, DataCatalogPurposeUnchanged(purpose, isListed));

        _isListed[purpose] = isListed;

        emit PurposeSet(purpose, isListed);
    }

    function _emitTerms(DatasetId dataset) private {
        TermsSlots storage slots = _terms[dataset];
        emit TermsSet(dataset, slots.current, slots.pending, slots.pendingSince);
    }

    function _datasetId(AgencyId provider, string memory path) private view returns (DatasetId) {
        return DatasetId.wrap(keccak256(abi.encode(instance, provider, path)));
    }

    function _isBuiltIn(Purpose purpose) private pure returns (bool) {
        return purpose == OWN_DUTY || purpose == EMERGENCY;
    }
}

// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {AgencyStatus} from "../types/Agencies.sol";
import {AgencyId} from "../types/AgencyId.sol";
import {DatasetId} from "../types/DatasetId.sol";
import {Purpose} from "../types/Purpose.sol";
import {RecordId} from "../types/RecordId.sol";
import {DatasetStatus, Grant, SharingClass, Terms} from "../types/Terms.sol";

/// @title The datasets, their providers and terms, and the grants to consumers.
/// @notice Tightening takes effect at once, loosening after {looseningDelay} (SPEC.md §2.4).
///
/// Warning: a provider's stewards are trusted with the provider's datasets only.
/// Warning: the council is trusted with the list of purposes and with lifting seals.
/// Warning: titles, paths and part names are public. A provider must not name persons in them.
interface IDataCatalog {
    /// @dev The input of {publish}. Path, profile and parts are immutable.
    struct Publication {
        AgencyId provider;
        /// `duty/entry/dataset`: three segments, none empty; permanently unique for the provider. At most 200 bytes.
        string path;
        string title;
        string localTitle;
        /// The kind of payload, such as `medical`: ASCII, left-aligned, zero-padded. Not zero.
        bytes32 profile;
        /// 1 to 8 distinct names of 1 to 32 bytes. The i-th belongs to bit i of every parts mask.
        string[] parts;
        bytes32 schemaDigest;
        /// Retention period of a record; 2^40 - 1 means permanently.
        uint40 retentionSeconds;
        /// Period in which the provider answers a dispute; 0 means that disputes do not exist.
        uint40 disputePeriodSeconds;
        Terms terms;
    }

    /// @dev The current state of a dataset, without its terms. All fields are zero for a missing dataset.
    struct Dataset {
        AgencyId provider;
        DatasetStatus status;
        uint40 retentionSeconds;
        uint40 disputePeriodSeconds;
        bytes32 profile;
        bytes32 schemaDigest;
        string path;
        string title;
        string localTitle;
        string[] parts;
    }

    /// @notice A dataset was published. {TermsSet} follows.
    event DatasetPublished(DatasetId indexed dataset, AgencyId indexed provider, Publication publication);
    /// @notice Schema and periods of the dataset are now these. {TermsSet} follows.
    event DatasetRevised(
        DatasetId indexed dataset, bytes32 schemaDigest, uint40 retentionSeconds, uint40 disputePeriodSeconds
    );
    /// @notice The dataset is retired, permanently.
    event DatasetRetired(DatasetId indexed dataset);
    /// @notice `current` is in effect now, `pending` from `pendingSince` on. Zero `pendingSince`: nothing is pending.
    event TermsSet(DatasetId indexed dataset, Terms current, Terms pending, uint40 pendingSince);
    /// @notice The slot (dataset, consumer, purpose) now holds this grant and no other.
    event GrantSet(DatasetId indexed dataset, AgencyId indexed consumer, Purpose indexed purpose, Grant grant);
    /// @notice The slot (dataset, consumer, purpose) is now empty. It held `grantId`.
    event GrantRevoked(DatasetId indexed dataset, AgencyId indexed consumer, Purpose indexed purpose, bytes32 grantId);
    /// @notice Whether the record is restricted for `consumer`; consumer 0 means all consumers.
    event RestrictionSet(
        DatasetId indexed dataset, RecordId indexed record, AgencyId indexed consumer, bool isRestricted
    );
    /// @notice Whether the record is sealed by law.
    event SealSet(DatasetId indexed dataset, RecordId indexed record, bool isSealed);
    /// @notice Whether the purpose is in the city's list.
    event PurposeSet(Purpose indexed purpose, bool isListed);

    /// @notice The caller is not currently a steward of the provider.
    error DataCatalogNotSteward(AgencyId provider, address caller);
    /// @notice The provider's status does not allow this call (SPEC.md §2.2).
    error DataCatalogProviderNotActive(AgencyId provider, AgencyStatus status);
    /// @notice A grant needs a consumer that is Active.
    error DataCatalogConsumerNotActive(AgencyId consumer, AgencyStatus status);
    /// @notice No agency with this number was ever admitted.
    error DataCatalogUnknownConsumer(AgencyId consumer);
    /// @notice The dataset's status does not allow this call: None if it was never published.
    error DataCatalogDatasetNotActive(DatasetId dataset, DatasetStatus status);
    /// @notice The provider has used this path before.
    error DataCatalogPathTaken(AgencyId provider, string path);
    /// @notice The path is not `duty/entry/dataset` of at most 200 bytes.
    error DataCatalogInvalidPath(string path);
    /// @notice The profile is zero.
    error DataCatalogZeroProfile();
    /// @notice A dataset has 1 to 8 parts.
    error DataCatalogInvalidPartCount(uint256 count);
    /// @notice The part's name is empty, too long, or the name of an earlier part.
    error DataCatalogInvalidPart(uint256 index, string name);
    /// @notice A purpose's name is not 1 to 32 of A–Z, 0–9 and underscore, zero-padded.
    error DataCatalogInvalidPurpose(Purpose purpose);
    /// @notice OWN_DUTY and EMERGENCY can be neither added nor removed.
    error DataCatalogBuiltInPurpose(Purpose purpose);
    /// @notice The purpose is already in the city's list, or is not in it.
    error DataCatalogPurposeUnchanged(Purpose purpose, bool isListed);
    /// @notice The purpose is not known to the city.
    error DataCatalogUnknownPurpose(Purpose purpose);
    /// @notice OWN_DUTY always belongs to the provider, so it is never among the purposes of terms or grants.
    error DataCatalogOwnDuty();
    /// @notice Terms need a class.
    error DataCatalogZeroClass();
    /// @notice Terms have at most 16 purposes.
    error DataCatalogTooManyPurposes(uint256 count);
    /// @notice Purposes must ascend strictly; the one at `index` does not.
    error DataCatalogPurposesNotAscending(uint256 index, Purpose purpose);
    /// @notice The emergency flag needs a class that shares, and EMERGENCY among the purposes.
    error DataCatalogEmergencyContradicted(SharingClass sharingClass, bool hasEmergencyPurpose);
    /// @notice Public is for Unconditional datasets that need no consent.
    error DataCatalogPublicContradicted(SharingClass sharingClass, bool consentRequired);
    /// @notice This version does not support the feature: `PUBLIC`, `CONSENT` or `EMERGENCY`.
    error DataCatalogUnsupportedFeature(bytes32 feature);
    /// @notice The mask names a part that the dataset does not have.
    error DataCatalogUnknownParts(DatasetId dataset, uint8 parts);
    /// @notice A grant's interval is empty or already over.
    error DataCatalogInvalidInterval(uint40 since, uint40 until, uint256 blockTime);
    /// @notice The slot is empty.
    error DataCatalogNoGrant(DatasetId dataset, AgencyId consumer, Purpose purpose);
    /// @notice The record is not sealed by law.
    error DataCatalogNotSealed(DatasetId dataset, RecordId record);
    /// @notice Record 0 does not identify a record.
    error DataCatalogZeroRecord(DatasetId dataset);

    /// @notice Adds a purpose to the city's list. Council only.
    function addPurpose(Purpose purpose) external;

    /// @notice Removes a purpose from the city's list; from then on rule 3 denies it. Council only.
    function removePurpose(Purpose purpose) external;

    /// @notice Publishes a dataset. Its terms take effect at once. A steward of the provider, which must be Active.
    function publish(Publication calldata publication) external returns (DatasetId dataset);

    /// @notice Replaces terms, schema and periods. Tighter terms take effect at once, looser ones after
    /// {looseningDelay}. A steward of the provider, which must be Active.
    function revise(
        DatasetId dataset,
        Terms calldata terms,
        bytes32 schemaDigest,
        uint40 retentionSeconds,
        uint40 disputePeriodSeconds
    ) external;

    /// @notice Retires the dataset, permanently. A steward of the provider.
    function retire(DatasetId dataset) external;

    /// @notice Fills the slot (dataset, consumer, purpose), replacing any grant in it. A steward of the provider; provider,
    /// consumer and dataset must be Active.
    /// @param parts mask of the parts; 0 covers existence and metadata only.
    /// @param since Unix seconds; may be in the past.
    /// @param until Unix seconds, in the future; 2^40 - 1 means no end.
    function grant(DatasetId dataset, AgencyId consumer, Purpose purpose, uint8 parts, uint40 since, uint40 until)
        external
        returns (bytes32 grantId);

    /// @notice Empties the slot. A steward of the provider, also of a suspended one.
    function revoke(DatasetId dataset, AgencyId consumer, Purpose purpose) external;

    /// @notice Restricts a record for one consumer, or for all with consumer 0; or lifts that restriction, for which the
    /// provider must be Active. A steward of the provider.
    function restrict(DatasetId dataset, RecordId record, AgencyId consumer, bool isRestricted) external;

    /// @notice Seals a record by law. A steward of the provider, also of a suspended one.
    function sealByLaw(DatasetId dataset, RecordId record) external;

    /// @notice Lifts a seal by law. Council only.
    function liftSeal(DatasetId dataset, RecordId record) external;

    /// @notice Seconds until looser terms take effect.
    function looseningDelay() external view returns (uint40);

    /// @notice The deployment's id, from the directory.
    function instance() external view returns (bytes32);

    /// @notice Whether the purpose is OWN_DUTY, EMERGENCY or in the city's list.
    function isPurpose(Purpose purpose) external view returns (bool);

    /// @notice Provider and status; zero and None for a missing dataset.
    function standing(DatasetId dataset) external view returns (AgencyId provider, DatasetStatus status);

    /// @notice All fields of one dataset except its terms; all zero for a missing one.
    function datasetOf(DatasetId dataset) external view returns (Dataset memory);

    /// @notice The terms in effect at the time `at`; class None for a missing dataset.
    function termsAt(DatasetId dataset, uint40 at) external view returns (Terms memory);

    /// @notice Both slots as stored, as in {TermsSet}.
    function termsOf(DatasetId dataset)
        external
        view
        returns (Terms memory current, Terms memory pending, uint40 pendingSince);

    /// @notice The grant in the slot as stored, whether or not it is live; all zero for an empty slot.
    function grantOf(DatasetId dataset, AgencyId consumer, Purpose purpose) external view returns (Grant memory);

    /// @notice Whether a record is restricted for all, restricted for `consumer`, and sealed by law.
    function restrictionsOf(DatasetId dataset, RecordId record, AgencyId consumer)
        external
        view
        returns (bool forAll, bool forConsumer, bool sealedByLaw);
}

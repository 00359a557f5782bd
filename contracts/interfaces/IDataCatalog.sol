// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {AgencyStatus} from "../types/Agencies.sol";
import {AgencyId} from "../types/AgencyId.sol";
import {DatasetId} from "../types/DatasetId.sol";
import {Purpose} from "../types/Purpose.sol";
import {RecordId} from "../types/RecordId.sol";
import {DatasetStatus, Grant, SharingClass, Terms} from "../types/Terms.sol";

/// @title Who holds which data, on which terms, and who was granted what.
/// @notice Tightening takes effect at once, loosening after {looseningDelay} (SPEC.md §2.4).
///
/// Warning: a provider's stewards are trusted with the provider's datasets, and with no other's.
/// Warning: the council is trusted with the list of purposes and with lifting seals.
/// Warning: titles, paths and part names are public. A provider must keep people out of them.
interface IDataCatalog {
    /// @dev What {publish} needs. Path, profile and parts are fixed for the dataset's life.
    struct Publication {
        AgencyId provider;
        /// `duty/entry/dataset`: three segments, none empty; unique for the provider for good. At most 200 bytes.
        string path;
        string title;
        string localTitle;
        /// The payload's kind, such as `medical`: ASCII, left-aligned, zero-padded. Not zero.
        bytes32 profile;
        /// 1 to 8 names of 1 to 32 bytes, none twice. The i-th belongs to bit i of every parts mask.
        string[] parts;
        bytes32 schemaDigest;
        /// How long a record is kept; 2^40 - 1 is for good.
        uint40 retentionSeconds;
        /// How long the provider has to answer a dispute; 0 is no dispute.
        uint40 disputePeriodSeconds;
        Terms terms;
    }

    /// @dev A dataset as it is now, but for its terms. All zero is what a missing dataset returns.
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

    /// @notice A dataset came into being. {TermsSet} follows.
    event DatasetPublished(DatasetId indexed dataset, AgencyId indexed provider, Publication publication);
    /// @notice These now stand for the dataset. {TermsSet} follows.
    event DatasetRevised(
        DatasetId indexed dataset, bytes32 schemaDigest, uint40 retentionSeconds, uint40 disputePeriodSeconds
    );
    /// @notice The dataset is retired, for good.
    event DatasetRetired(DatasetId indexed dataset);
    /// @notice `current` stands now; `pending` stands from `pendingSince` on. Zero `pendingSince`: nothing is pending.
    event TermsSet(DatasetId indexed dataset, Terms current, Terms pending, uint40 pendingSince);
    /// @notice The slot (dataset, consumer, purpose) now holds this grant and no other.
    event GrantSet(DatasetId indexed dataset, AgencyId indexed consumer, Purpose indexed purpose, Grant grant);
    /// @notice The slot (dataset, consumer, purpose) is now empty. It held `grantId`.
    event GrantRevoked(DatasetId indexed dataset, AgencyId indexed consumer, Purpose indexed purpose, bytes32 grantId);
    /// @notice Whether the record is restricted for `consumer`; consumer 0 is everybody.
    event RestrictionSet(
        DatasetId indexed dataset, RecordId indexed record, AgencyId indexed consumer, bool isRestricted
    );
    /// @notice Whether the record is sealed by law.
    event SealSet(DatasetId indexed dataset, RecordId indexed record, bool isSealed);
    /// @notice Whether the purpose is in the city's list.
    event PurposeSet(Purpose indexed purpose, bool isListed);

    /// @notice The caller is not a steward of the provider now.
    error DataCatalogNotSteward(AgencyId provider, address caller);
    /// @notice The provider's status does not allow this call (SPEC.md §2.2).
    error DataCatalogProviderNotActive(AgencyId provider, AgencyStatus status);
    /// @notice Only an Active agency can be granted anything.
    error DataCatalogConsumerNotActive(AgencyId consumer, AgencyStatus status);
    /// @notice No such agency was ever admitted.
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
    /// @notice The part's name is empty, too long, or another part's.
    error DataCatalogInvalidPart(uint256 index, string name);
    /// @notice A purpose's name is not 1 to 32 of A–Z, 0–9 and underscore, zero-padded.
    error DataCatalogInvalidPurpose(Purpose purpose);
    /// @notice OWN_DUTY and EMERGENCY can be neither added nor removed.
    error DataCatalogBuiltInPurpose(Purpose purpose);
    /// @notice The purpose is in the city's list already, or is not in it.
    error DataCatalogPurposeUnchanged(Purpose purpose, bool isListed);
    /// @notice The purpose is not known to the city.
    error DataCatalogUnknownPurpose(Purpose purpose);
    /// @notice OWN_DUTY is the provider's by right, and so never among the purposes of terms or grants.
    error DataCatalogOwnDuty();
    /// @notice Terms have a class.
    error DataCatalogZeroClass();
    /// @notice Terms have at most 16 purposes.
    error DataCatalogTooManyPurposes(uint256 count);
    /// @notice Purposes must ascend strictly; the one at `index` does not.
    error DataCatalogPurposesNotAscending(uint256 index, Purpose purpose);
    /// @notice The emergency flag needs a class that shares, and EMERGENCY among the purposes.
    error DataCatalogEmergencyContradicted(SharingClass sharingClass, bool hasEmergencyPurpose);
    /// @notice Public is for Unconditional datasets that need no consent.
    error DataCatalogPublicContradicted(SharingClass sharingClass, bool consentRequired);
    /// @notice This version cannot do that yet: `PUBLIC`, `CONSENT` or `EMERGENCY`.
    error DataCatalogUnsupportedFeature(bytes32 feature);
    /// @notice The mask names a part that the dataset does not have.
    error DataCatalogUnknownParts(DatasetId dataset, uint8 parts);
    /// @notice A grant's interval is empty or already over.
    error DataCatalogInvalidInterval(uint40 since, uint40 until, uint256 blockTime);
    /// @notice The slot is empty.
    error DataCatalogNoGrant(DatasetId dataset, AgencyId consumer, Purpose purpose);
    /// @notice There is no seal to lift.
    error DataCatalogNotSealed(DatasetId dataset, RecordId record);
    /// @notice The zero record names no record.
    error DataCatalogZeroRecord(DatasetId dataset);

    /// @notice Puts a purpose on the city's list. Council only.
    function addPurpose(Purpose purpose) external;

    /// @notice Takes a purpose off the city's list; from then on rule 3 denies it. Council only.
    function removePurpose(Purpose purpose) external;

    /// @notice Publishes a dataset. Its terms stand at once. A steward of the provider, which must be Active.
    function publish(Publication calldata publication) external returns (DatasetId dataset);

    /// @notice Replaces terms, schema and periods. What is tighter stands at once; what is looser waits for
    /// {looseningDelay}. A steward of the provider, which must be Active.
    function revise(
        DatasetId dataset,
        Terms calldata terms,
        bytes32 schemaDigest,
        uint40 retentionSeconds,
        uint40 disputePeriodSeconds
    ) external;

    /// @notice Ends the dataset, for good. A steward of the provider.
    function retire(DatasetId dataset) external;

    /// @notice Fills the slot (dataset, consumer, purpose), whatever it held. A steward of the provider; provider,
    /// consumer and dataset must be Active.
    /// @param parts mask of the parts; 0 covers existence and metadata only.
    /// @param since Unix seconds; may lie in the past.
    /// @param until Unix seconds, in the future; 2^40 - 1 is no end.
    function grant(DatasetId dataset, AgencyId consumer, Purpose purpose, uint8 parts, uint40 since, uint40 until)
        external
        returns (bytes32 grantId);

    /// @notice Empties the slot. A steward of the provider, also of a suspended one.
    function revoke(DatasetId dataset, AgencyId consumer, Purpose purpose) external;

    /// @notice Restricts a record for one consumer, or for all with consumer 0; or takes that back, for which the
    /// provider must be Active. A steward of the provider.
    function restrict(DatasetId dataset, RecordId record, AgencyId consumer, bool isRestricted) external;

    /// @notice Seals a record by law. A steward of the provider, also of a suspended one.
    function sealByLaw(DatasetId dataset, RecordId record) external;

    /// @notice Lifts a seal by law. Council only.
    function liftSeal(DatasetId dataset, RecordId record) external;

    /// @notice Seconds that a loosening waits.
    function looseningDelay() external view returns (uint40);

    /// @notice The deployment's id, from the directory.
    function instance() external view returns (bytes32);

    /// @notice Whether the purpose is OWN_DUTY, EMERGENCY or in the city's list.
    function isPurpose(Purpose purpose) external view returns (bool);

    /// @notice Provider and status; zero and None for a missing dataset.
    function standing(DatasetId dataset) external view returns (AgencyId provider, DatasetStatus status);

    /// @notice Everything about one dataset but its terms; all zero for a missing one.
    function datasetOf(DatasetId dataset) external view returns (Dataset memory);

    /// @notice The terms that stand at the time `at`; class None for a missing dataset.
    function termsAt(DatasetId dataset, uint40 at) external view returns (Terms memory);

    /// @notice Both slots as stored, as in {TermsSet}.
    function termsOf(DatasetId dataset)
        external
        view
        returns (Terms memory current, Terms memory pending, uint40 pendingSince);

    /// @notice The grant in the slot as stored, whether or not it is live; all zero for an empty slot.
    function grantOf(DatasetId dataset, AgencyId consumer, Purpose purpose) external view returns (Grant memory);

    /// @notice What stands against a record: restricted for all, restricted for `consumer`, sealed by law.
    function restrictionsOf(DatasetId dataset, RecordId record, AgencyId consumer)
        external
        view
        returns (bool forAll, bool forConsumer, bool sealedByLaw);
}

// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IAccessPolicy} from "./interfaces/IAccessPolicy.sol";
import {IAgencyRegistry} from "./interfaces/IAgencyRegistry.sol";
import {IDataCatalog} from "./interfaces/IDataCatalog.sol";
import {ActionRoles} from "./libraries/ActionRoles.sol";
import {FactBits} from "./libraries/FactBits.sol";
import {Rules} from "./libraries/Rules.sol";
import {TermsLib} from "./libraries/TermsLib.sol";
import {AgencyStatus, Role} from "./types/Agencies.sol";
import {AgencyId, NO_AGENCY} from "./types/AgencyId.sol";
import {Action, Decision, Query} from "./types/Decisions.sol";
import {EMERGENCY, OWN_DUTY} from "./types/Purpose.sol";
import {DatasetStatus, Grant, SharingClass, Terms} from "./types/Terms.sol";

contract AccessPolicy is IAccessPolicy {
    using ActionRoles for Action;
    using FactBits for uint32;
    using Rules for uint32;
    using TermsLib for Terms;

    /// @inheritdoc IAccessPolicy
    IAgencyRegistry public immutable registry;
    /// @inheritdoc IAccessPolicy
    IDataCatalog public immutable catalog;

    constructor(IAgencyRegistry registry_, IDataCatalog catalog_) {
        registry = registry_;
        catalog = catalog_;
    }

    function facts(Query calldata query) public view returns (uint32 word, bytes32 grantId, bytes32 artefactId) {
        require(query.openings.length == 0, AccessPolicyUnsupportedFeature("OPENINGS"));
        (AgencyId provider, DatasetStatus status) = catalog.standing(query.dataset);
        Terms memory terms = catalog.termsAt(query.dataset, query.at);
        bool isConditional = terms.sharingClass == SharingClass.Conditional;
        grantId = isConditional ? _satisfyingGrant(query, provider) : bytes32(0);

        word = _officerFacts(query) | _purposeFacts(query, provider, terms) | _datasetFacts(provider, status, terms)
            | _recordFacts(query) | FactBits.GRANT_SATISFIED.when(!isConditional || grantId != 0);
        artefactId = 0;
    }

    function decide(Query calldata query) public view returns (Decision memory decision) {
        (decision.facts, decision.grantId, decision.artefactId) = facts(query);
        (decision.permit, decision.code) = decision.facts.decide();
    }

    function decideMany(Query[] calldata queries) external view returns (Decision[] memory decisions) {
        decisions = new Decision[](queries.length);
        for (uint256 i = 0; i < queries.length; ++i) {
            decisions[i] = decide(queries[i]);
        }
    }

    // ---- Facts, by subject ----

    function _officerFacts(Query calldata query) private view returns (uint32) {
        bool isRoleHeld = query.action.isAllowed(query.role) && _holdsRole(query);
        return FactBits.SELF.when(query.action == Action.Self)
            | FactBits.ERASES.when(query.action == Action.Erase)
            | FactBits.CONSUMER_ACTIVE.when(_isActive(query.consumer))
            | FactBits.ROLE_HELD.when(isRoleHeld)
            | FactBits.CREDENTIAL_LIVE.when(query.at < query.credentialUntil);
    }

    function _purposeFacts(Query calldata query, AgencyId provider, Terms memory terms) private view returns (uint32) {
        bool isOwn = provider != NO_AGENCY && query.consumer == provider;
        bool isOwnDuty = query.purpose == OWN_DUTY && isOwn;
        bool isAmongTerms = !query.action.isProvidersOwn() && terms.names(query.purpose);
        return FactBits.PURPOSE_KNOWN.when(catalog.isPurpose(query.purpose))
            | FactBits.PURPOSE_ALLOWED.when(isOwnDuty || isAmongTerms)
            | FactBits.OWN_RECORD.when(isOwn)
            | FactBits.EMERGENCY_PURPOSE.when(query.purpose == EMERGENCY);
    }

    function _datasetFacts(AgencyId provider, DatasetStatus status, Terms memory terms) private view returns (uint32) {
        bool isShared = terms.sharingClass != SharingClass.None && terms.sharingClass != SharingClass.NotShared;
        return FactBits.PROVIDER_ACTIVE.when(_isActive(provider))
            | FactBits.DATASET_ACTIVE.when(status == DatasetStatus.Active)
            | FactBits.SHARED.when(isShared)
            | FactBits.EMERGENCY_ALLOWED.when(terms.emergencyAllowed)
            | FactBits.CONSENT_SATISFIED.when(!terms.consentRequired);
    }

    function _recordFacts(Query calldata query) private view returns (uint32) {
        (bool forAll, bool forConsumer, bool sealedByLaw) =
            catalog.restrictionsOf(query.dataset, query.record, query.consumer);
        return FactBits.SEALED_BY_LAW.when(sealedByLaw)
            | FactBits.RESTRICTED_FOR_ALL.when(forAll)
            | FactBits.RESTRICTED_FOR_CONSUMER.when(forConsumer);
    }

    // ---- State that the facts depend on ----

    /// @dev The node vouches for an off-chain officer, and only as Reader or Writer.
    function _holdsRole(Query calldata query) private view returns (bool) {
        if (query.officer == address(0)) return query.role == Role.Reader || query.role == Role.Writer;
        return registry.roleOf(query.consumer, query.officer, query.at) == query.role;
    }

    /// @dev The grant in the slot if it is live at `at` and covers the parts, else zero.
    function _satisfyingGrant(Query calldata query, AgencyId provider) private view returns (bytes32) {
        Grant memory grant = catalog.grantOf(query.dataset, query.consumer, query.purpose);
        bool isInTime = grant.since <= query.at && query.at < grant.until;
        bool isOfThisEpoch =
            grant.providerEpoch == _epochOf(provider) && grant.consumerEpoch == _epochOf(query.consumer);
        bool covers = query.parts & grant.parts == query.parts;
        return isInTime && isOfThisEpoch && covers ? grant.grantId : bytes32(0);
    }

    function _isActive(AgencyId agency) private view returns (bool) {
        (AgencyStatus status,) = registry.standing(agency);
        return status == AgencyStatus.Active;
    }

    function _epochOf(AgencyId agency) private view returns (uint32 epoch) {
        (, epoch) = registry.standing(agency);
    }
}

// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IDataCatalog} from "../interfaces/IDataCatalog.sol";
import {OWN_DUTY, EMERGENCY, Purpose} from "../types/Purpose.sol";
import {Openness, SharingClass, Terms} from "../types/Terms.sol";

/// @title The validity of terms, and the tighter of two terms (SPEC.md §2.4).
/// @dev Python's `policy/terms.py` is the counterpart.
library TermsLib {
    uint256 internal constant MAX_PURPOSES = 16;

    /// @notice The tighter of both, field by field; of the purposes, those in both.
    function tighten(Terms memory a, Terms memory b) internal pure returns (Terms memory) {
        return Terms({
            sharingClass: a.sharingClass > b.sharingClass ? a.sharingClass : b.sharingClass,
            openness: a.openness < b.openness ? a.openness : b.openness,
            consentRequired: a.consentRequired || b.consentRequired,
            emergencyAllowed: a.emergencyAllowed && b.emergencyAllowed,
            purposes: _inBoth(a.purposes, b.purposes)
        });
    }

    /// @notice Whether both are equal.
    function isSame(Terms memory a, Terms memory b) internal pure returns (bool) {
        return keccak256(abi.encode(a)) == keccak256(abi.encode(b));
    }

    /// @notice Whether the purpose is among those of the terms.
    function names(Terms memory terms, Purpose purpose) internal pure returns (bool) {
        for (uint256 i = 0; i < terms.purposes.length; ++i) {
            if (terms.purposes[i] == purpose) return true;
        }
        return false;
    }

    /// @notice Reverts where the terms contradict themselves or need a feature that does not exist yet.
    function check(Terms memory terms) internal pure {
        require(terms.sharingClass != SharingClass.None, IDataCatalog.DataCatalogZeroClass());
        _checkPurposes(terms.purposes);
        _checkEmergency(terms);
        _checkOpenness(terms);
        _checkSupported(terms);
    }

    function _checkPurposes(Purpose[] memory purposes) private pure {
        require(purposes.length <= MAX_PURPOSES, IDataCatalog.DataCatalogTooManyPurposes(purposes.length));
        for (uint256 i = 0; i < purposes.length; ++i) {
            require(purposes[i] != OWN_DUTY, IDataCatalog.DataCatalogOwnDuty());
            require(
                i == 0 || purposes[i - 1] < purposes[i], IDataCatalog.DataCatalogPurposesNotAscending(i, purposes[i])
            );
        }
    }

    function _checkEmergency(Terms memory terms) private pure {
        bool hasPurpose = names(terms, EMERGENCY);
        bool isConsistent = terms.sharingClass != SharingClass.NotShared && hasPurpose;
        require(
            !terms.emergencyAllowed || isConsistent,
            IDataCatalog.DataCatalogEmergencyContradicted(terms.sharingClass, hasPurpose)
        );
    }

    function _checkOpenness(Terms memory terms) private pure {
        bool isConsistent = terms.sharingClass == SharingClass.Unconditional && !terms.consentRequired;
        require(
            terms.openness == Openness.Closed || isConsistent,
            IDataCatalog.DataCatalogPublicContradicted(terms.sharingClass, terms.consentRequired)
        );
    }

    /// @dev Consent, emergency and public access have no register yet: nothing would enforce their flags.
    function _checkSupported(Terms memory terms) private pure {
        require(!terms.consentRequired, IDataCatalog.DataCatalogUnsupportedFeature("CONSENT"));
        require(!terms.emergencyAllowed, IDataCatalog.DataCatalogUnsupportedFeature("EMERGENCY"));
        require(terms.openness == Openness.Closed, IDataCatalog.DataCatalogUnsupportedFeature("PUBLIC"));
    }

    /// @dev Both ascend strictly, so one pass over both finds the common purposes.
    function _inBoth(Purpose[] memory a, Purpose[] memory b) private pure returns (Purpose[] memory) {
        Purpose[] memory common = new Purpose[](a.length < b.length ? a.length : b.length);
        uint256 count;
        for ((uint256 i, uint256 j) = (0, 0); i < a.length && j < b.length;) {
            if (a[i] == b[j]) common[count++] = a[i];
            (i, j) = (b[j] < a[i] ? i : i + 1, a[i] < b[j] ? j : j + 1);
        }
        return _prefix(common, count);
    }

    function _prefix(Purpose[] memory all, uint256 count) private pure returns (Purpose[] memory prefix) {
        prefix = new Purpose[](count);
        for (uint256 i = 0; i < count; ++i) {
            prefix[i] = all[i];
        }
    }
}

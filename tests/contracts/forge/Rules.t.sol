// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {FactBits} from "../../../contracts/libraries/FactBits.sol";
import {Rules} from "../../../contracts/libraries/Rules.sol";

/// @notice The rules compared with their table, and with invariants that do not depend on the table.
/// The numbers are those of README.md in this folder.
contract RulesTest {
    /// @dev One row of SPEC.md §2: it matches where all of `given` and none of `without` is true.
    struct Row {
        uint8 code;
        uint32 given;
        uint32 without;
    }

    Row[] private _rows;

    function setUp() external {
        _row(131, FactBits.SELF, FactBits.CONTROLS_SUBJECT);
        _row(132, FactBits.SELF | FactBits.SEALED_BY_LAW, 0);
        _row(130, FactBits.SELF, 0);
        _row(11, 0, FactBits.CONSUMER_ACTIVE);
        _row(21, 0, FactBits.ROLE_HELD);
        _row(22, 0, FactBits.CREDENTIAL_LIVE);
        _row(31, 0, FactBits.PURPOSE_KNOWN);
        _row(32, 0, FactBits.PURPOSE_ALLOWED);
        _row(41, FactBits.OWN_RECORD | FactBits.ERASES | FactBits.SEALED_BY_LAW, 0);
        _row(40, FactBits.OWN_RECORD, 0);
        _row(51, FactBits.SEALED_BY_LAW, 0);
        _row(61, FactBits.EMERGENCY_PURPOSE, FactBits.EMERGENCY_ALLOWED);
        _row(62, FactBits.EMERGENCY_PURPOSE, FactBits.GOOD_STANDING);
        _row(63, FactBits.EMERGENCY_PURPOSE, FactBits.EMERGENCY_OPEN);
        _row(60, FactBits.EMERGENCY_PURPOSE, 0);
        _row(71, 0, FactBits.PROVIDER_ACTIVE);
        _row(72, 0, FactBits.DATASET_ACTIVE);
        _row(81, 0, FactBits.GRANT_SATISFIED);
        _row(91, 0, FactBits.SHARED);
        _row(101, FactBits.RESTRICTED_FOR_ALL, 0);
        _row(102, FactBits.RESTRICTED_FOR_CONSUMER, 0);
        _row(111, 0, FactBits.CONSENT_SATISFIED);
        _row(120, 0, 0);
    }

    /// @dev R1
    function testFuzz_decide_isTheFirstRowThatMatches(uint32 facts) external view {
        (bool permit, uint8 code) = Rules.decide(facts);
        assert(code == _firstMatch(facts));
        assert(permit == (code % 10 == 0));
    }

    /// @dev R1 at its limit: all true except two.
    function testFuzz_decide_isTheFirstRowThatMatchesNearAPermit(uint8 one, uint8 other) external view {
        uint32 facts = _READ & ~(uint32(1) << (one % 21)) ^ (uint32(1) << (other % 21));
        (, uint8 code) = Rules.decide(facts);
        assert(code == _firstMatch(facts));
    }

    /// @dev R2
    function test_decide_permitsFactsThatNoRuleDenies() external pure {
        (bool permit, uint8 code) = Rules.decide(_READ);
        assert(permit && code == 120);
    }

    /// @dev R3
    function testFuzz_decide_notSharedIsForTheProviderAlone(uint32 facts) public pure {
        facts &= ~(FactBits.SELF | FactBits.OWN_RECORD | FactBits.SHARED | FactBits.EMERGENCY_PURPOSE);
        _verifyDenied(facts);
    }

    /// @dev R4
    function testFuzz_decide_whoIsNotActiveGetsNothing(uint32 facts) public pure {
        _verifyDenied(facts & ~(FactBits.SELF | FactBits.CONSUMER_ACTIVE));
    }

    /// @dev R5
    function testFuzz_decide_aSuspendedProviderShowsNothing(uint32 facts) public pure {
        facts &= ~(FactBits.SELF | FactBits.OWN_RECORD | FactBits.PROVIDER_ACTIVE | FactBits.EMERGENCY_PURPOSE);
        _verifyDenied(facts);
    }

    /// @dev R6
    function testFuzz_decide_aSealByLawIsForTheProviderAlone(uint32 facts) public pure {
        facts = (facts | FactBits.SEALED_BY_LAW) & ~FactBits.OWN_RECORD;
        _verifyDenied(facts);
    }

    /// @dev R7
    function testFuzz_decide_noRoleAndNoPurposeIsNoAccess(uint32 facts, uint8 which) public pure {
        uint32[4] memory needed =
            [FactBits.ROLE_HELD, FactBits.CREDENTIAL_LIVE, FactBits.PURPOSE_KNOWN, FactBits.PURPOSE_ALLOWED];
        _verifyDenied(facts & ~(FactBits.SELF | needed[which % 4]));
    }

    /// @dev R8
    function testFuzz_decide_anEmergencyNeedsAllThree(uint32 facts, uint8 which) public pure {
        uint32[3] memory needed = [FactBits.EMERGENCY_ALLOWED, FactBits.GOOD_STANDING, FactBits.EMERGENCY_OPEN];
        facts = (facts | FactBits.EMERGENCY_PURPOSE) & ~(FactBits.SELF | FactBits.OWN_RECORD | needed[which % 3]);
        _verifyDenied(facts);
    }

    /// @dev R9
    function testFuzz_decide_aSubjectsOwnViewNeedsControl(uint32 facts) public pure {
        _verifyDenied((facts | FactBits.SELF) & ~FactBits.CONTROLS_SUBJECT);
    }

    /// @dev R10
    function testFuzz_decide_moreThatStandsAgainstItNeverHelps(uint32 facts, uint8 which) public pure {
        uint32[3] memory against =
            [FactBits.SEALED_BY_LAW, FactBits.RESTRICTED_FOR_ALL, FactBits.RESTRICTED_FOR_CONSUMER];
        (bool without,) = Rules.decide(facts & ~against[which % 3]);
        (bool with,) = Rules.decide(facts | against[which % 3]);
        assert(without || !with);
    }

    /// @dev R11
    function testFuzz_decide_whatIsSealedByLawIsErasedByNobody(uint32 facts) public pure {
        _verifyDenied((facts | FactBits.SEALED_BY_LAW | FactBits.ERASES) & ~FactBits.SELF);
    }

    uint32 private constant _READ = FactBits.CONSUMER_ACTIVE | FactBits.ROLE_HELD | FactBits.CREDENTIAL_LIVE
        | FactBits.PURPOSE_KNOWN | FactBits.PURPOSE_ALLOWED | FactBits.PROVIDER_ACTIVE | FactBits.DATASET_ACTIVE
        | FactBits.GRANT_SATISFIED | FactBits.SHARED | FactBits.CONSENT_SATISFIED;

    function _verifyDenied(uint32 facts) private pure {
        (bool permit, uint8 code) = Rules.decide(facts);
        assert(!permit && code % 10 != 0);
    }

    function _firstMatch(uint32 facts) private view returns (uint8) {
        for (uint256 i = 0; i < _rows.length; ++i) {
            Row memory row = _rows[i];
            if (facts & row.given == row.given && facts & row.without == 0) return row.code;
        }
        return 0;
    }

    function _row(uint8 code, uint32 given, uint32 without) private {
        _rows.push(Row(code, given, without));
    }
}

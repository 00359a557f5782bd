// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {AccessPolicy} from "../../../contracts/AccessPolicy.sol";
import {AgencyRegistry} from "../../../contracts/AgencyRegistry.sol";
import {CityDirectory} from "../../../contracts/CityDirectory.sol";
import {DataCatalog} from "../../../contracts/DataCatalog.sol";
import {RecordLedger} from "../../../contracts/RecordLedger.sol";
import {IAgencyRegistry} from "../../../contracts/interfaces/IAgencyRegistry.sol";
import {IDataCatalog} from "../../../contracts/interfaces/IDataCatalog.sol";
import {Role} from "../../../contracts/types/Agencies.sol";
import {AgencyId} from "../../../contracts/types/AgencyId.sol";
import {DatasetId} from "../../../contracts/types/DatasetId.sol";
import {Purpose} from "../../../contracts/types/Purpose.sol";
import {Openness, SharingClass, Terms} from "../../../contracts/types/Terms.sol";
import {vm} from "./Vm.sol";

/// @dev Permits its creator the calls of council and guard, without delay.
contract OneAuthority {
    address private immutable _governor = msg.sender;

    function canCall(address caller, address, bytes4) external view returns (bool, uint32) {
        return (caller == _governor, 0);
    }
}

/// @dev The real contracts under one governor, the creator; three agencies, each its own account, steward and operator.
contract CityOfTests {
    uint40 internal constant NO_END = 2 ** 40 - 1;
    Purpose internal constant TREATMENT = Purpose.wrap("TREATMENT");
    uint32 internal constant AGENCIES = 3;

    AgencyRegistry public registry;
    DataCatalog public catalog;
    RecordLedger public ledger;
    AccessPolicy public policy;
    bytes32 public instance;

    constructor() {
        vm.roll(10);
        vm.warp(1_000_000);
        address authority = address(new OneAuthority());
        CityDirectory directory = new CityDirectory(authority);
        instance = directory.instance();
        registry = new AgencyRegistry(authority);
        catalog = new DataCatalog(authority, registry, directory, 0);
        ledger = new RecordLedger(registry, catalog, instance);
        policy = new AccessPolicy(registry, catalog);
        catalog.addPurpose(TREATMENT);
        for (uint32 i = 1; i <= AGENCIES; ++i) {
            _admit(i);
        }
    }

    function accountOf(uint32 agency) public pure returns (address) {
        return address(uint160(0xA0000 + agency));
    }

    function _admit(uint32 number) private {
        address account = accountOf(number);
        registry.admit(IAgencyRegistry.Admission(bytes32(bytes1(uint8(0x40 + number))), "", "", "", account, 0, 0));
        appointSteward(number);
    }

    /// @dev Again after a compromise, which ends all appointments.
    function appointSteward(uint32 agency) internal {
        vm.prank(accountOf(agency));
        registry.appoint(AgencyId.wrap(agency), accountOf(agency), Role.Steward, NO_END);
    }

    function publish(uint32 agency, string memory path, SharingClass sharingClass) internal returns (DatasetId) {
        string[] memory parts = new string[](2);
        (parts[0], parts[1]) = ("summary", "images");
        Purpose[] memory purposes = new Purpose[](1);
        purposes[0] = TREATMENT;
        Terms memory terms = Terms(sharingClass, Openness.Closed, false, false, purposes);
        vm.prank(accountOf(agency));
        return catalog.publish(
            IDataCatalog.Publication(AgencyId.wrap(agency), path, "", "", "medical", parts, 0, NO_END, 0, terms)
        );
    }
}

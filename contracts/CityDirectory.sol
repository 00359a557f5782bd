// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {AccessManaged} from "@openzeppelin/contracts/access/manager/AccessManaged.sol";
import {ICityDirectory} from "./interfaces/ICityDirectory.sol";

contract CityDirectory is ICityDirectory, AccessManaged {
    struct Entry {
        address target;
        /// Counts from 1; 0 for an unknown name.
        uint32 version;
    }

    /// @inheritdoc ICityDirectory
    bytes32 public immutable instance;

    mapping(bytes32 name => Entry entry) private _entries;

    constructor(address authority) AccessManaged(authority) {
        instance = keccak256(abi.encode(block.chainid, address(this), blockhash(block.number - 1)));
    }

    function set(bytes32 name, address target) external restricted {
        require(name != 0 && target != address(0), CityDirectoryZeroArgument(name, target));

        Entry storage entry = _entries[name];
        entry.target = target;
        entry.version += 1;

        emit AddressSet(name, target, entry.version);
    }

    function get(bytes32 name) external view returns (address target, uint32 version) {
        return (_entries[name].target, _entries[name].version);
    }
}

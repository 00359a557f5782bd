// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @title The root address of a city: names of contracts and their addresses.
/// @notice All other contracts are found through it, so a client is configured with this address alone.
///
/// Warning: a holder of the council's role at the authority can point any name anywhere, after the council's delay.
/// A client should compare {instance} with the one that it was configured with.
interface ICityDirectory {
    /// @notice A name now maps to `target`. `version` counts from 1 for each name.
    event AddressSet(bytes32 indexed name, address target, uint32 version);

    /// @notice A name or a target is zero.
    error CityDirectoryZeroArgument(bytes32 name, address target);

    /// @notice Maps `name` to `target` and increments its version. Council only.
    /// @param name upper-case ASCII, left-aligned, zero-padded, such as `ACCESS_POLICY`.
    function set(bytes32 name, address target) external;

    /// @notice The id of this deployment, in every leaf and receipt: keccak(abi.encode(chainid, this, parent block hash)).
    /// @dev The block hash distinguishes a chain that was reset from its predecessor.
    function instance() external view returns (bytes32);

    /// @notice The target of `name` and its version; zero and 0 for an unknown name.
    function get(bytes32 name) external view returns (address target, uint32 version);
}

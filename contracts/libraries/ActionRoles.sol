// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Role} from "../types/Agencies.sol";
import {Action} from "../types/Decisions.sol";

/// @title The actions that each role may perform: the table of SPEC.md §2.2.
library ActionRoles {
    /// @notice Whether `role` may perform `action`. The role None may perform none.
    function isAllowed(Action action, Role role) internal pure returns (bool) {
        if (action == Action.Lookup) return role == Role.Reader || role == Role.Writer || role == Role.Steward;
        if (action == Action.History || action == Action.Proof) return _readsRecords(role) || role == Role.Auditor;
        if (action == Action.Write || action == Action.Erase) return role == Role.Writer;
        if (action == Action.Restrict || action == Action.Seal) return role == Role.Steward;
        return _isRead(action) && _readsRecords(role);
    }

    /// @notice Whether the action changes a record, its restrictions or its seal, which only its provider does.
    function isProvidersOwn(Action action) internal pure returns (bool) {
        return action == Action.Write || action == Action.Restrict || action == Action.Seal || action == Action.Erase;
    }

    function _isRead(Action action) private pure returns (bool) {
        return action == Action.Read || action == Action.Check || action == Action.Release || action == Action.Feed;
    }

    function _readsRecords(Role role) private pure returns (bool) {
        return role == Role.Reader || role == Role.Steward;
    }
}

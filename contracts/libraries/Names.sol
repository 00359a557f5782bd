// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Purpose} from "../types/Purpose.sol";

/// @title The form of names: dataset paths, part names, purposes and agency codes.
library Names {
    uint256 internal constant MAX_PATH_BYTES = 200;
    uint256 internal constant MAX_PART_BYTES = 32;

    /// @notice Whether `path` is three segments between slashes, none empty, of at most 200 bytes in all.
    function isPath(string memory path) internal pure returns (bool) {
        bytes memory text = bytes(path);
        uint256 slashes;
        for (uint256 i = 0; i < text.length; ++i) {
            if (text[i] != "/") continue;
            if (i == 0 || i == text.length - 1 || text[i - 1] == "/") return false;
            ++slashes;
        }
        return slashes == 2 && text.length <= MAX_PATH_BYTES;
    }

    /// @notice Whether the name at `index` has 1 to 32 bytes and no earlier entry of the list equals it.
    function isPart(string[] memory parts, uint256 index) internal pure returns (bool) {
        bytes32 digest = keccak256(bytes(parts[index]));
        for (uint256 i = 0; i < index; ++i) {
            if (keccak256(bytes(parts[i])) == digest) return false;
        }
        return bytes(parts[index]).length > 0 && bytes(parts[index]).length <= MAX_PART_BYTES;
    }

    /// @notice Whether the purpose is 1 to 32 of A–Z, 0–9 and underscore, then zeros.
    function isPurposeName(Purpose purpose) internal pure returns (bool) {
        bytes32 text = Purpose.unwrap(purpose);
        uint256 length;
        while (length < 32 && _isNameByte(text[length])) ++length;
        return length > 0 && _isZeroFrom(text, length);
    }

    /// @notice Whether the agency code is a letter, then up to 31 of A–Z, a–z, 0–9, underscore and hyphen, then zeros.
    function isCode(bytes32 code) internal pure returns (bool) {
        if (!_isLetter(code[0])) return false; // a code of digits alone could be read as an agency's number
        uint256 length = 1;
        while (length < 32 && _isCodeByte(code[length])) ++length;
        return _isZeroFrom(code, length);
    }

    /// @dev A shift by 256 leaves zero.
    function _isZeroFrom(bytes32 text, uint256 length) private pure returns (bool) {
        return uint256(text) << (8 * length) == 0;
    }

    function _isNameByte(bytes1 char) private pure returns (bool) {
        return (char >= "A" && char <= "Z") || (char >= "0" && char <= "9") || char == "_";
    }

    function _isCodeByte(bytes1 char) private pure returns (bool) {
        return _isNameByte(char) || _isLetter(char) || char == "-";
    }

    function _isLetter(bytes1 char) private pure returns (bool) {
        return (char >= "A" && char <= "Z") || (char >= "a" && char <= "z");
    }
}

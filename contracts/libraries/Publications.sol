// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IDataCatalog} from "../interfaces/IDataCatalog.sol";
import {DatasetStatus} from "../types/Terms.sol";
import {Names} from "./Names.sol";

/// @title The form of a publication, and the dataset that is written from it.
library Publications {
    using Names for *;

    uint256 internal constant MAX_PARTS = 8;

    /// @notice Reverts unless path, profile and parts have the form of {IDataCatalog-Publication}.
    function checkForm(IDataCatalog.Publication calldata publication) internal pure {
        require(publication.path.isPath(), IDataCatalog.DataCatalogInvalidPath(publication.path));
        require(publication.profile != 0, IDataCatalog.DataCatalogZeroProfile());
        string[] memory parts = publication.parts;
        bool isCount = parts.length > 0 && parts.length <= MAX_PARTS;
        require(isCount, IDataCatalog.DataCatalogInvalidPartCount(parts.length));
        for (uint256 i = 0; i < parts.length; ++i) {
            require(parts.isPart(i), IDataCatalog.DataCatalogInvalidPart(i, parts[i]));
        }
    }

    /// @notice Writes the dataset, Active.
    function write(IDataCatalog.Publication calldata publication, IDataCatalog.Dataset storage dataset) internal {
        dataset.provider = publication.provider;
        dataset.status = DatasetStatus.Active;
        dataset.retentionSeconds = publication.retentionSeconds;
        dataset.disputePeriodSeconds = publication.disputePeriodSeconds;
        dataset.profile = publication.profile;
        dataset.schemaDigest = publication.schemaDigest;
        dataset.path = publication.path;
        dataset.title = publication.title;
        dataset.localTitle = publication.localTitle;
        for (uint256 i = 0; i < publication.parts.length; ++i) {
            dataset.parts.push(publication.parts[i]);
        }
    }
}

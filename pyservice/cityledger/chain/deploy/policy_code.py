"""Checks that the contracts in the directory are those whose rules this program knows."""

from __future__ import annotations

from collections.abc import Mapping

from cityledger.chain.abi.artifacts import load_artifact
from cityledger.chain.deploy.immutables import address_word, policy_immutables
from cityledger.chain.deploy.roles import DIRECTORY_NAMES
from cityledger.chain.manifest import Manifest
from cityledger.chain.rpc.endpoint import Endpoint
from cityledger.types import Address, BlockRef

POLICY = DIRECTORY_NAMES["AccessPolicy"]


def find_other_rules(
    endpoint: Endpoint, manifest: Manifest, entries: Mapping[str, Address], block: BlockRef
) -> str | None:
    """The reason why this program must not decide by the directory's ``entries``; None where it may: the
    policy's code is the artifact's, on this deployment's registry and catalog, and no other contract was
    replaced.

    Raises:
        ChainError, ChainUnavailableError: the code at the block could not be read.
    """
    for name, word in DIRECTORY_NAMES.items():
        if word != POLICY and entries.get(word) != manifest.address(name):
            return f"the directory leads {word} to {entries.get(word)} instead of {manifest.address(name)}"
    policy = entries.get(POLICY)
    if policy is None:
        return f"the directory names no {POLICY}"
    words = (address_word(manifest.address(name)) for name in ("AgencyRegistry", "DataCatalog"))
    if endpoint.code(policy, block) != load_artifact("AccessPolicy").deployed_with(policy_immutables(*words)):
        return f"the code of {POLICY} at {policy} is not that of this node's rules"
    return None

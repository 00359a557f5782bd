"""Once, `contracts verify` asked neither who administers a role nor who guards it: the deployer could leave
both to everybody.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from cityledger.chain.contracts.access_manager import COUNCIL, AccessManager
from cityledger.chain.sender import Sender
from cityledger.errors import VerificationError
from support.city.deployed_city import account, address
from support.city.deviant_deployment import bare_chain, deploy_deviant, inspect

pytestmark = pytest.mark.chain
PUBLIC = 2**64 - 1
"""OpenZeppelin's own role that every account holds."""


def test_verify_deployment_sees_that_everybody_administers_the_council(tmp_path: Path) -> None:
    with bare_chain(tmp_path) as endpoint:
        manifest = deploy_deviant(
            endpoint, tmp_path, roles=lambda manager: [manager.prepare("setRoleAdmin", COUNCIL, PUBLIC)]
        )
        with pytest.raises(VerificationError, match=f"the admin of role 1 is role {PUBLIC} instead of 0"):
            inspect(endpoint, manifest)
        stranger = AccessManager(endpoint, manifest.address("AccessManager"))
        Sender(endpoint).transact(account(9), stranger.grant_role(COUNCIL, address(9), 0))
        with pytest.raises(VerificationError, match=f"{address(9)} holds role 1"):
            inspect(endpoint, manifest)


def test_verify_deployment_sees_that_everybody_cancels_what_the_council_scheduled(tmp_path: Path) -> None:
    with bare_chain(tmp_path) as endpoint:
        manifest = deploy_deviant(
            endpoint, tmp_path, roles=lambda manager: [manager.prepare("setRoleGuardian", COUNCIL, PUBLIC)]
        )
        with pytest.raises(VerificationError, match=f"the guardian of role 1 is role {PUBLIC} instead of 0"):
            inspect(endpoint, manifest)

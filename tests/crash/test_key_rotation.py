"""A vault key is rotated by a process that is killed at each step, while a node serves."""

from __future__ import annotations

import pytest

from cityledger.errors import NotFoundError
from cityledger.sealing.keyring import Keyring
from cityledger.sealing.keyring_lock import UnlockSecret
from cityledger.types import AgencyId
from crash.oracle import Oracle
from crash.town import Town
from support.node.node_process import PASSPHRASE

pytestmark = [pytest.mark.chain, pytest.mark.slow]

STEPS = {
    "the key is added": "after:cityledger.sealing.keyring.write_private_file",
    "the floor is not durable yet": "before-commit:vault_floor",
    "the floor is durable": "after-commit:vault_floor",
    "the key is in use": "after:cityledger.sealing.keyring.write_private_file",
    "a page is wrapped and not committed": "after:cityledger.store.records.wrapped_keys.replace_versions",
    "a page is committed": "after:cityledger.store.records.wrapped_keys.list_versions_below:2",
    "nothing needs the former key": "after:cityledger.store.records.wrapped_keys.count_below:2",
    "the former key is dropped": "after:cityledger.sealing.keyring.write_private_file:2",
}
"""Where each run dies; the next one continues."""


def test_killed_at_every_step_nothing_is_lost(town: Town, oracle: Oracle) -> None:
    rotation = ["node", "rotate-vault-key", "LAND", "--folder", str(town.node.folder), "--keyrings-copied"]
    town.node.serve()
    town.write("title-erased")
    for number, point in enumerate(STEPS.values()):
        town.write(f"title-{number}")
        if number == len(STEPS) // 2:
            town.erase("title-erased")
        town.node.run(*rotation, point=point)
        assert [town.read(f"title-{one}").version for one in range(number + 1)] == [1] * (number + 1)

    assert _epochs_in_use(oracle) == {2}
    assert _epochs_in_keyring(town) == [2]
    with pytest.raises(NotFoundError):
        town.read("title-erased")
    town.node.run(*rotation)
    assert (_epochs_in_use(oracle), _epochs_in_keyring(town)) == ({3}, [3])
    town.node.run("node", "scrub", "--folder", str(town.node.folder))
    oracle.await_anchored()
    oracle.judge()
    town.node.kill()


def _epochs_in_use(oracle: Oracle) -> set[int]:
    rows = oracle.rows("SELECT wrapped FROM record_version WHERE wrapped IS NOT NULL")
    return {int.from_bytes(bytes(row.wrapped)[:4], "big") for row in rows}


def _epochs_in_keyring(town: Town) -> list[int]:
    keyring = Keyring.open(town.node.folder / "keyring", UnlockSecret.from_passphrase(PASSPHRASE))
    return sorted(keyring.agency(AgencyId(1)).vault_keys)

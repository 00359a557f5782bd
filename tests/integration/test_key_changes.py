"""Keys of an agency are changed by commands while its node serves; one of them is killed halfway."""

from __future__ import annotations

import json

import pytest

from cityledger.client import OWN_DUTY, load_credentials
from cityledger.errors import AuthenticationError, UnavailableError
from cityledger.types import AgencyId, LogId
from crash.oracle import Oracle
from crash.town import LAND_ACCOUNT, Town
from crash.waiting import await_that
from support.city.deployed_city import COUNCIL, account, address
from support.node.recovered_town import back_up, new_node, restore

pytestmark = [pytest.mark.chain, pytest.mark.slow, pytest.mark.timeout(300)]
TAX_ACCOUNT, NEW_ACCOUNT, NEW_OPERATOR, NEXT_OPERATOR = 7, 8, 9, 10


def rotate_keys(town: Town, *options: str, point: str | None = None, code: int = 0) -> str:
    words = ["agency", "rotate-keys", "LAND", "--folder", str(town.node.folder), *options]
    signing = ["--devnet-account", str(LAND_ACCOUNT)]
    return town.node.run(*words, *signing, "--json", point=point, code=code)


def digests(town: Town) -> tuple[bytes, bytes]:
    found = town.city.contracts.agencies.find_agency(AgencyId(1), "latest")
    assert found is not None
    return found.sealing_key_digest, found.credential_key_digest


def await_indexed(town: Town, digest: bytes) -> None:
    url = town.node.url

    def is_known() -> bool:
        with town.client("reader", url) as client:
            return client.agency("LAND").credential_key_digest == digest

    await_that("the node knows the key", is_known)


def test_reads_go_on_while_both_keys_change_and_old_assertions_end(town: Town) -> None:
    town.node.serve()
    town.write("title-1")
    before, old = digests(town), town.client("reader")
    assert old.get_record(town.dataset, "title-1", OWN_DUTY).version == 1

    rotate_keys(town, point="after:cityledger.sealing.keyring.write_private_file:2")
    assert digests(town) == before, "both new keys are in the keyring, and the chain does not know them"
    assert town.read("title-1").version == 1

    output = rotate_keys(town)
    assert '"sealing key": "rotated"' in output
    after = digests(town)
    assert before[0] != after[0] and before[1] != after[1]
    await_indexed(town, after[1])
    with pytest.raises(AuthenticationError):
        old.get_record(town.dataset, "title-1", OWN_DUTY)
    assert town.read("title-1").version == 1

    folder = str(town.node.folder)
    listed = town.node.run("node", "exposure", "LAND", "--since", "0", "--csv", "--folder", folder)
    kinds = [row.split(",")[1] for row in listed.splitlines()]
    assert sorted(kinds) == ["read", "read", "read", "what", "write"]
    assert '"credential key": "unchanged"' in rotate_keys(town, "--sealing")
    assert (digests(town)[0] == after[0], digests(town)[1]) == (False, after[1])
    assert "changed" in town.node.run("node", "link", "LAND", "--folder", str(town.node.folder), *_land())


def test_only_the_agencys_account_changes_keys(town: Town) -> None:
    words = ["agency", "rotate-keys", "LAND", "--folder", str(town.node.folder), "--devnet-account", "9"]
    before = (town.node.folder / "keyring" / "agencies" / "1.json").read_bytes()

    assert "nothing was changed" in town.node.run(*words, code=1)

    assert (town.node.folder / "keyring" / "agencies" / "1.json").read_bytes() == before


def test_an_agency_is_added_to_a_node_and_its_account_changed(town: Town) -> None:
    tax = town.city.admit("TAX", TAX_ACCOUNT)
    folder = str(town.node.folder)
    town.node.run("node", "add-agency", "TAX", "--folder", folder, "--write-credentials")
    assert "already" in town.node.run("node", "add-agency", "TAX", "--folder", folder, code=1)
    link = ["node", "link", "TAX", "--folder", folder]
    linked = town.node.json(*link, "--devnet-account", str(TAX_ACCOUNT))
    assert linked["keys"] == "published"

    town.node.serve()
    loaded = load_credentials(town.node.folder / "credentials" / "TAX-reader.json")
    with town.client("reader") as client:
        assert tax in client.node().agencies
    assert loaded.credentials.needs_nonce is False

    access = ["--rpc", town.devnet.rpc_url, "--manifest", str(town.folder / "manifest.json")]
    moved = ["agency", "rotate-account", "TAX", address(NEW_ACCOUNT), "--devnet-account", str(COUNCIL)]
    assert town.node.json(*moved, *access)["state"] == "mined"
    assert town.node.json(*link, "--devnet-account", str(NEW_ACCOUNT))["keys"] == "unchanged"


def test_an_officer_is_revoked_at_once_and_taken_off_the_list(town: Town) -> None:
    town.node.serve()
    town.write("title-1")
    reader = town.client("reader")
    assert reader.get_record(town.dataset, "title-1", OWN_DUTY).version == 1
    node = ["--folder", str(town.node.folder), "--node", town.node.url]

    assert town.node.json("officer", "revoke", "LAND", "reader-1", *node)["seq"] == 1
    with pytest.raises(AuthenticationError):
        reader.get_record(town.dataset, "title-1", OWN_DUTY)
    with pytest.raises(AuthenticationError, match="revoked this officer"):
        town.read("title-1")
    town.write("title-1", area=62.0)  # the writer is another officer

    listed = town.node.json("officer", "revocations", "LAND", *node)
    assert listed == [{"officer": "reader-1", "system": "every"}]
    assert town.node.json("officer", "revoke", "LAND", "reader-1", "--undo", *node)["revoked"] == 0
    assert town.read("title-1").version == 2


def test_logs_are_handed_over_to_another_operator(town: Town) -> None:
    folder, oracle = str(town.node.folder), Oracle(town)
    town.node.serve()
    town.write("title-1")
    town.read("title-1")
    oracle.await_anchored()
    rotate = ["node", "rotate-operator", "--folder", folder, "--devnet-operator", str(NEW_OPERATOR)]
    assert "already" in town.node.run(*rotate, code=1), "not beside a node that serves"
    town.node.stop()
    town.chain.mine(3)
    assert town.node.json(*rotate)["former"] == town.operator
    assert "operator already" in town.node.run(*rotate, code=1)

    town.node.serve()
    with pytest.raises(UnavailableError, match="another account operates"):
        town.read("title-1")
    town.node.json("node", "link", "LAND", "--folder", folder, *_land())
    await_that("the log is known to be handed over", lambda: _operators(oracle) == {address(NEW_OPERATOR)})
    town.write("title-2")
    assert [town.read(name).version for name in ("title-1", "title-2")] == [1, 1]
    oracle.await_anchored()

    assert oracle.rows("SELECT log FROM log_head WHERE halted IS NOT NULL") == []
    accounts = {row.account for row in oracle.rows("SELECT DISTINCT account FROM attempt")}
    assert accounts == {town.operator, address(NEW_OPERATOR)}
    town.node.run("node", "scrub", "--folder", folder)
    oracle.close()


def test_operators_whose_keys_are_outside_the_keyring_are_remembered(town: Town) -> None:
    folder, oracle = str(town.node.folder), Oracle(town)
    for number in (NEW_OPERATOR, NEXT_OPERATOR):
        file = town.node.folder / f"operator-{number}"
        file.touch(mode=0o600)
        file.write_bytes(bytes(account(number).key))
    town.node.serve()
    town.write("title-1")
    oracle.await_anchored()
    town.node.stop()
    town.chain.mine(3)
    rotate = ["node", "rotate-operator", "--folder", folder, "--operator-key"]
    assert town.node.json(*rotate, f"file:operator-{NEW_OPERATOR}")["operator"] == address(NEW_OPERATOR)
    link = ["node", "link", "LAND", "--folder", folder, *_land()]
    town.node.json(*link)

    next_operator = {"operator": address(NEXT_OPERATOR), "operator_key": f"file:operator-{NEXT_OPERATOR}"}
    town.node.set(**next_operator)
    for words in (["node", "serve", "--folder", folder], link, [*rotate, "file:operator-10"]):
        refused = town.node.run(*words, code=1)
        assert "rotate-operator" in refused
        assert address(NEW_OPERATOR) in refused
    ledger = town.city.contracts.ledger
    found = [ledger.find_log(LogId(log), "latest") for log in (1, 2)]
    assert [log and log.operator for log in found] == [address(NEW_OPERATOR)] * 2

    town.node.set(operator=address(NEW_OPERATOR), operator_key=f"file:operator-{NEW_OPERATOR}")
    town.node.json(*rotate, f"file:operator-{NEXT_OPERATOR}")
    town.node.serve()
    town.node.json(*link)
    await_that("the log is known to be handed over", lambda: _operators(oracle) == {address(NEXT_OPERATOR)})
    town.write("title-2")
    assert [town.read(name).version for name in ("title-1", "title-2")] == [1, 1]
    oracle.await_anchored()
    assert oracle.rows("SELECT log FROM log_head WHERE halted IS NOT NULL") == []
    oracle.close()

    backup = back_up(town)
    town.node.stop()
    restored = new_node(town, "restored", "sqlite")
    assert json.loads(restore(town, restored, backup))["halted_logs"] == [], "signed by an outside account"


def _operators(oracle: Oracle) -> set[str]:
    return {row.operator for row in oracle.rows("SELECT operator FROM idx_log WHERE valid_to IS NULL")}


def _land() -> list[str]:
    return ["--devnet-account", str(LAND_ACCOUNT)]

"""Once, a node continued to decide by its own rules when the council had named another policy contract, and
signed receipts that said the new one had decided.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest
from httpx import Response

from cityledger.chain.abi.codec import encode_creation
from cityledger.chain.deploy.deployment import created_address
from cityledger.chain.deploy.policy_code import find_other_rules
from cityledger.chain.deploy.roles import DIRECTORY_NAMES
from cityledger.chain.manifest import Manifest
from cityledger.chain.rpc.endpoint import Endpoint
from cityledger.chain.sender import Sender
from cityledger.chain.transactions import Call
from cityledger.checks.result import run_check
from cityledger.checks.running import _cheap_checks
from cityledger.errors import ChainUnavailableError
from cityledger.exchange.rules.watch import Compare, RulesWatch
from cityledger.store.index import tables as t
from cityledger.store.index import versions as history
from cityledger.types import Address, BlockRef, purpose_from_name
from support.city.deployed_city import account, address
from support.city.deviant_deployment import bare_chain, deploy_deviant
from support.node.chain_facts import address_of
from support.node.node_fixture import TestNode
from support.node.sample_records import TREATMENT_RECORD

OTHER = address_of("another policy")


@pytest.fixture
def own(node: TestNode) -> Address:
    """The policy that decides; a record is there, and LAND may read it."""
    node.put(node.health, "visit-1", TREATMENT_RECORD)
    node.grant(node.health, node.agency("LAND"), purpose_from_name("TREATMENT"), 1)
    return address_of("AccessPolicy")


def name_policy(node: TestNode, policy: Address, version: int) -> None:
    """The council's call takes effect in the index."""
    with node.next_block() as (connection, block):
        history.put(
            connection, t.idx_contract, block, {"name": "ACCESS_POLICY"}, address=policy, version=version
        )


def compared_by(
    node: TestNode,
    compare: Compare,
    monkeypatch: pytest.MonkeyPatch,
) -> RulesWatch:
    watch = node.context.services.rules_watch
    monkeypatch.setattr(watch, "_compare", compare)
    return watch


def ways_in_and_out(node: TestNode) -> list[Response]:
    client, url = node.client, node.url(node.health, "visit-1")
    reading = node.headers("LAND", "reader", "TREATMENT")
    writing = node.headers("HEALTH", "writer")
    query = {"dataset": "0x" + node.health.hex(), "action": "read"}
    return [
        client.get(url, headers=reading),
        client.get(url, headers=node.headers("HEALTH", "reader")),
        client.get(url + "/history", headers=reading),
        client.post(node.url(node.health, "find"), json={"id": "visit-1"}, headers=reading),
        client.post("/v1/decisions", json=query, headers=reading),
        client.put(url, json=TREATMENT_RECORD, headers=writing),
        client.delete(url + "?reason=duty", headers=writing),
    ]


def test_nothing_is_read_or_written_from_the_block_on_that_names_another_policy(
    node: TestNode, own: Address, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = node.row_counts()
    name_policy(node, OTHER, 2)
    watch = compared_by(node, lambda entries, _block: f"{entries['ACCESS_POLICY']} is unknown", monkeypatch)
    answers: list[Response] = []
    for _ in range(2):  # before the code was compared, and after
        answers = ways_in_and_out(node)
        assert {(one.status_code, one.json()["code"]) for one in answers} == {(503, "other-rules")}
        watch.check()
    assert f"{OTHER} is unknown" in answers[0].json()["detail"]
    more = {"block": before["block"] + 1, "idx_contract": before["idx_contract"] + 1}
    assert node.row_counts() == {**before, **more}
    (check,) = [one for one in _cheap_checks(node.context.services) if one.name == "rules"]
    assert f"{OTHER} is unknown" in run_check(check).detail
    assert not run_check(check).ok


def test_the_same_code_at_another_address_decides_again_once_it_was_compared(
    node: TestNode, own: Address
) -> None:
    name_policy(node, OTHER, 2)
    node.context.services.rules_watch.check()
    assert ways_in_and_out(node)[0].status_code == 200


def test_an_entry_that_was_set_and_set_back_is_compared_again(
    node: TestNode, own: Address, monkeypatch: pytest.MonkeyPatch
) -> None:
    name_policy(node, OTHER, 2)
    name_policy(node, own, 3)
    compared: list[Mapping[str, Address]] = []
    watch = compared_by(node, lambda entries, _block: compared.append(dict(entries)), monkeypatch)
    assert ways_in_and_out(node)[0].status_code == 503
    watch.check()
    watch.check()
    assert len(compared) == 1
    assert ways_in_and_out(node)[0].status_code == 200


def test_what_cannot_be_asked_stays_refused(
    node: TestNode, own: Address, monkeypatch: pytest.MonkeyPatch
) -> None:
    def silent(_entries: object, _block: object) -> str | None:
        raise ChainUnavailableError("no endpoint answers")

    name_policy(node, OTHER, 2)
    watch = compared_by(node, silent, monkeypatch)
    watch.look()
    assert ways_in_and_out(node)[0].json()["code"] == "other-rules"


# ---- what is compared, on a chain ----


def other_rules(endpoint: Endpoint, manifest: Manifest, **entries: Address) -> str | None:
    head = endpoint.request("eth_getBlockByNumber", "latest", False)
    block = BlockRef(int(head["number"], 16), bytes.fromhex(head["hash"][2:]), int(head["timestamp"], 16))
    honest = {word: manifest.address(name) for name, word in DIRECTORY_NAMES.items()}
    return find_other_rules(endpoint, manifest, {**honest, **entries}, block)


def create_policy(endpoint: Endpoint, registry: Address, catalog: Address) -> Address:
    sender = Sender(endpoint)
    made = created_address(address(5), sender.nonce(address(5)))
    data = encode_creation("AccessPolicy", (registry, catalog))
    sender.transact(account(5), Call(None, data, "create AccessPolicy"))
    return made


@pytest.mark.chain
def test_find_other_rules_knows_its_own_by_code_and_immutables(tmp_path: Path) -> None:
    with bare_chain(tmp_path) as endpoint:
        manifest = deploy_deviant(endpoint, tmp_path)
        registry, catalog = (manifest.address(name) for name in ("AgencyRegistry", "DataCatalog"))
        same = create_policy(endpoint, registry, catalog)
        deaf = create_policy(endpoint, registry, address(9))
        assert other_rules(endpoint, manifest) is None
        assert other_rules(endpoint, manifest, ACCESS_POLICY=same) is None
        for policy in (deaf, registry, address(9)):
            message = f"the code of ACCESS_POLICY at {policy} is not that of this node's rules"
            assert other_rules(endpoint, manifest, ACCESS_POLICY=policy) == message
        said = other_rules(endpoint, manifest, DATA_CATALOG=address(9))
        assert said == f"the directory leads DATA_CATALOG to {address(9)} instead of {catalog}"

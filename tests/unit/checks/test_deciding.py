"""The question to both executors of the rules, with a contract that answers what the test wants."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
import sqlalchemy as sa

from cityledger.checks import deciding
from cityledger.checks.deciding import POLICY_NAME, observe_decisions, observe_policy
from cityledger.errors import CheckFailedError
from cityledger.policy import decide
from cityledger.store.index import queries as index
from cityledger.store.index import tables as t
from cityledger.store.index import versions as history
from cityledger.types import OWN_DUTY, Address, BlockRef, Decision, Query
from support.node.chain_facts import address_of
from support.node.node_fixture import TestNode, make_node

POLICY = address_of("AccessPolicy")


@dataclass
class Contract:
    """Decides by the same facts as the node, but for the last ``wrong`` of its answers."""

    node: TestNode
    wrong: int = 0
    queries: list[Query] = field(default_factory=list)

    def decide_many(self, queries: Sequence[Query], block: BlockRef) -> list[Decision]:
        self.queries = list(queries)
        with self.node.context.services.database.reading() as connection:
            answers = [decide(query, index.load_known(connection, query)) for query in queries]
        honest = len(answers) - self.wrong
        return answers[:honest] + [replace(one, permit=not one.permit) for one in answers[honest:]]


@pytest.fixture
def node(tmp_path: Path) -> Iterator[TestNode]:
    made = make_node(tmp_path)
    yield made
    made.close()


@pytest.fixture
def contract(node: TestNode, monkeypatch: pytest.MonkeyPatch) -> Contract:
    made = Contract(node)
    with node.next_block() as (connection, block):
        history.put(connection, t.idx_contract, block, {"name": POLICY_NAME}, address=POLICY, version=1)

    def at(_endpoint: object, address: Address) -> Contract:
        assert address == POLICY, "the contract that the directory names"
        return made

    monkeypatch.setattr(deciding, "AccessPolicy", at)
    return made


def see(node: TestNode) -> str:
    return observe_decisions(node.context.services.database, None)  # type: ignore[arg-type]


def test_decisions_that_agree_are_counted(node: TestNode, contract: Contract) -> None:
    assert see(node) == f"{len(contract.queries)} decided alike by contract and index"
    assert {one.purpose for one in contract.queries} > {OWN_DUTY}
    assert len({one.dataset for one in contract.queries}) == 4, "three datasets, and one that does not exist"


def test_some_question_is_permitted(node: TestNode, contract: Contract) -> None:
    """Else a contract that denies everything would agree."""
    see(node)
    with node.context.services.database.reading() as connection:
        assert any(decide(one, index.load_known(connection, one)).permit for one in contract.queries)


def test_one_decision_apart_is_told(node: TestNode, contract: Contract) -> None:
    contract.wrong = 1
    with pytest.raises(CheckFailedError, match=r"differ in 1 of \d+ decisions at block"):
        see(node)


def test_permit_for_a_dataset_that_does_not_exist_is_told_though_both_agree(
    node: TestNode, contract: Contract, monkeypatch: pytest.MonkeyPatch
) -> None:
    def permit(query: Query, known: object) -> Decision:
        return replace(decide(query, known), permit=True)  # type: ignore[arg-type]

    monkeypatch.setattr(deciding, "decide", permit)
    monkeypatch.setattr(Contract, "decide_many", _permit_all)
    with pytest.raises(CheckFailedError, match="does not exist was permitted"):
        see(node)


def _permit_all(self: Contract, queries: Sequence[Query], _block: BlockRef) -> list[Decision]:
    with self.node.context.services.database.reading() as connection:
        return [replace(decide(query, index.load_known(connection, query)), permit=True) for query in queries]


def test_nothing_is_asked_before_the_deployment_is_indexed(node: TestNode) -> None:
    node.execute(sa.delete(t.idx_contract))
    assert see(node) == "not checked: the index has not reached the deployment yet"


def test_policy_is_that_of_this_nodes_rules(node: TestNode, monkeypatch: pytest.MonkeyPatch) -> None:
    with node.context.services.database.reading() as connection:
        policy = index.list_contracts(connection)[POLICY_NAME].target
    seen: list[object] = []

    def compare(
        _endpoint: object, _manifest: object, entries: Mapping[str, Address], _block: object
    ) -> str | None:
        seen.append(entries[POLICY_NAME])
        return "is another" if len(seen) > 1 else None

    monkeypatch.setattr(deciding, "find_other_rules", compare)
    arguments = node.context.services.database, None, node.context.manifest
    assert observe_policy(*arguments) == f"{policy} has the code of this node's rules"  # type: ignore[arg-type]
    with pytest.raises(CheckFailedError, match="is another"):
        observe_policy(*arguments)  # type: ignore[arg-type]
    assert seen == [policy, policy]

"""Checks of the decisions: the contract, and Python on the index, answer the same queries alike."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from cityledger.chain.contracts.access_policy import AccessPolicy
from cityledger.chain.deploy.policy_code import find_other_rules
from cityledger.chain.manifest import Manifest
from cityledger.chain.rpc.endpoint import Endpoint
from cityledger.errors import CheckFailedError
from cityledger.keccak import keccak
from cityledger.policy import decide
from cityledger.store.engine.database import Database
from cityledger.store.index import queries as index
from cityledger.types import (
    NO_AGENCY,
    NO_END,
    OWN_DUTY,
    Action,
    AgencyId,
    DatasetId,
    Purpose,
    Query,
    RecordId,
    Role,
    SubjectId,
)

POLICY_NAME = "ACCESS_POLICY"
MAX_DATASETS = 4
MAX_CONSUMERS = 3
_NOWHERE = DatasetId(keccak(b"cityledger/self-test/dataset"))
_NOTHING = RecordId(keccak(b"cityledger/self-test/record"))
_NOBODY = SubjectId(keccak(b"cityledger/self-test/subject"))


def observe_policy(database: Database, endpoint: Endpoint, manifest: Manifest) -> str:
    """The contracts that the index's directory names are this deployment's, and the policy's code is that of
    this program's rules.
    """
    with database.reading() as connection:
        block, entries = index.find_cursor(connection), index.list_contracts(connection)
    if block is None or not entries:
        return "not checked: the index has not reached the deployment yet"
    targets = {name: entry.target for name, entry in entries.items()}
    complaint = find_other_rules(endpoint, manifest, targets, block)
    if complaint is not None:
        raise CheckFailedError(complaint)
    return f"{targets[POLICY_NAME]} has the code of this node's rules"


def observe_decisions(database: Database, endpoint: Endpoint) -> str:
    """Contract and Python decide alike at the cursor's block; both deny for a dataset that does not exist."""
    with database.reading() as connection:
        block, policy = index.find_cursor(connection), index.find_contract(connection, POLICY_NAME)
        if block is None or policy is None:
            return "not checked: the index has not reached the deployment yet"
        datasets, agencies = index.list_datasets(connection), index.list_agencies(connection)
        queries = list(_queries(datasets, [one.agency for one in agencies], block.time))
        ours = [decide(query, index.load_known(connection, query)) for query in queries]
    theirs = AccessPolicy(endpoint, policy).decide_many(queries, block)
    different = sum(one != other for one, other in zip(ours, theirs, strict=True))
    if different:
        raise CheckFailedError(
            f"contract and index differ in {different} of {len(ours)} decisions at block {block.number}"
        )
    if any(one.permit for one, query in zip(ours, queries, strict=True) if query.dataset == _NOWHERE):
        raise CheckFailedError("a dataset that does not exist was permitted")
    return f"{len(ours)} decided alike by contract and index"


def _queries(datasets: Sequence[index.Dataset], agencies: Sequence[AgencyId], at: int) -> Iterator[Query]:
    consumers = agencies[:MAX_CONSUMERS] or [AgencyId(1)]
    yield _query(_NOWHERE, consumers[0], OWN_DUTY, at)
    for dataset in datasets[:MAX_DATASETS]:
        for consumer in {*consumers, dataset.provider}:
            yield _query(dataset.dataset, consumer, OWN_DUTY, at)
            for purpose in dataset.current_terms.purposes[:1]:
                yield _query(dataset.dataset, consumer, purpose, at)


def _query(dataset: DatasetId, consumer: AgencyId, purpose: Purpose, at: int) -> Query:
    return Query(
        at=at,
        action=Action.READ,
        role=Role.READER,
        consumer=consumer,
        officer=None,
        credential_until=NO_END,
        represents=NO_AGENCY,
        dataset=dataset,
        record=_NOTHING,
        subject=_NOBODY,
        purpose=purpose,
        parts=1,
    )

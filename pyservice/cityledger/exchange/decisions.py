"""Evaluates the rules on the index: one decision function for every exit of a node (SPEC.md §2)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import sqlalchemy as sa

from cityledger.errors import DeniedError, NotFoundError, StaleIndexError, UnavailableError
from cityledger.exchange.access import Access, Intent, Target
from cityledger.exchange.services import Services
from cityledger.policy import decide
from cityledger.policy.disclosure import disclosed_code
from cityledger.policy.rules import denial
from cityledger.store.anchoring import logs
from cityledger.store.index import queries as index
from cityledger.store.records.requested import RequestedVersion, find_requested
from cityledger.store.records.versions import StoredVersion
from cityledger.store.sessions.standing import CallerStanding, find_standing
from cityledger.store.sessions.tokens import Session
from cityledger.types import (
    NO_RECORD,
    NO_SUBJECT,
    Action,
    Address,
    Agency,
    BlockRef,
    Decision,
    LogId,
    LogKind,
    Query,
    SharingClass,
)

_RELEASING = frozenset({Action.READ, Action.RELEASE, Action.FEED})
POLICY_NAME = "ACCESS_POLICY"
"""The name of the policy contract in the city directory (SPEC.md §1)."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The decision on one subject of the record."""

    query: Query
    decision: Decision


@dataclass(frozen=True, slots=True)
class Ruling:
    """The decisions on a target at one block, and their basis. ``version`` is None if there is no such record
    for the caller; ``unreadable`` is the stored version in that case, if it is erased or withdrawn.
    """

    dataset: index.Dataset
    answers: tuple[Answer, ...]
    version: StoredVersion | None
    unreadable: RequestedVersion | None
    parts: int
    block: BlockRef
    policy: Address
    receipts_log: LogId
    consumer_sealing_digest: bytes

    @property
    def at(self) -> int:
        """The time for which it was decided, in Unix seconds."""
        return self.answers[0].query.at

    @property
    def permit(self) -> bool:
        """Returns whether every subject's decision permits."""
        return all(answer.decision.permit for answer in self.answers)

    @property
    def is_answered(self) -> bool:
        """Returns whether the request succeeds: permitted, and where it names a record, there is one."""
        return self.permit and (self.answers[0].query.record == NO_RECORD or self.version is not None)

    @property
    def deciding(self) -> Decision:
        """The first denial, or the first permit where there is none."""
        denials = [answer.decision for answer in self.answers if not answer.decision.permit]
        return denials[0] if denials else self.answers[0].decision


def rule(services: Services, access: Access) -> Ruling:
    """Decides at the index's cursor.

    Raises:
        StaleIndexError: the index is older than the published limit.
        OtherRulesError: the policy contract does not hold this node's rules.
        UnavailableError: contract and index were found to disagree.
        NotFoundError: no such dataset (the catalogue is public).
        MisdirectedError: the dataset's provider is not hosted by this node.
    """
    with services.database.reading() as connection:
        return rule_within(connection, services, access)


def rule_within(connection: sa.Connection, services: Services, access: Access) -> Ruling:
    """As ``rule``, inside a transaction that is open already."""
    session, intent, target = access.session, access.intent, access.target
    services.clock.verify_fresh(services.staleness_limit_seconds)
    services.cross_check.verify_agreed_within(connection)
    block = index.find_cursor(connection)
    contracts = index.list_contracts(connection)
    if block is None or POLICY_NAME not in contracts:
        raise StaleIndexError("the index has not reached the deployment yet")
    services.rules_watch.verify_own_within(contracts)
    dataset = index.find_dataset(connection, target.dataset)
    if dataset is None:
        raise NotFoundError("dataset")
    services.verify_hosted(dataset.provider)
    parts = _requested_parts(connection, access, dataset)
    consumer = find_standing(connection, session)
    at = max(services.clock.at(), block.time)
    query = _query(_unless_ended(session, consumer), intent, target, parts, at)
    # No fact of the present rules depends on the subject. So the rules are evaluated before the record is
    # searched for, since a denial needs less of it.
    known = index.load_known(connection, query)
    is_permitted = decide(query, known).permit

    def is_shown(one: RequestedVersion) -> bool:
        return _is_shown(one, access, dataset)

    requested = _find_requested(connection, target, lambda one: is_permitted and is_shown(one))
    version = requested.stored if requested is not None and is_shown(requested) else None
    subjects = (target.subject,) if version is None else version.subjects or (NO_SUBJECT,)
    queries = [replace(query, subject=subject) for subject in subjects]
    return Ruling(
        dataset=dataset,
        answers=tuple(Answer(query, decide(query, known)) for query in queries),
        version=version,
        unreadable=requested if requested is not None and not requested.stored.is_readable else None,
        parts=parts,
        block=block,
        policy=contracts[POLICY_NAME].target,
        receipts_log=_receipts_log(connection, services, dataset),
        consumer_sealing_digest=_sealing_digest(connection, consumer.agency),
    )


def refuse(ruling: Ruling) -> DeniedError | NotFoundError:
    """The answer to a denial or an absent record: computed separately from the decision (SPEC.md §2.1)."""
    code = disclosed_code(ruling.deciding.facts)
    return NotFoundError("record") if code is None else denial(code)


def _find_requested(
    connection: sa.Connection, target: Target, needs_subjects: Callable[[RequestedVersion], bool]
) -> RequestedVersion | None:
    if target.record == NO_RECORD:
        return None
    return find_requested(connection, target.dataset, target.record, target.version, needs_subjects)


def _is_shown(requested: RequestedVersion, access: Access, dataset: index.Dataset) -> bool:
    """Returns whether this action may show anything of the version. After an erasure at the subject's
    request its history and proof are the provider's alone.
    """
    if access.intent.action not in (Action.HISTORY, Action.PROOF):
        return requested.stored.is_readable
    return access.session.agency == dataset.provider or not requested.is_erased_by_request


def _requested_parts(connection: sa.Connection, access: Access, dataset: index.Dataset) -> int:
    session, intent, target = access.session, access.intent, access.target
    everything = (1 << len(dataset.part_names)) - 1
    if target.parts is not None:
        return target.parts
    if dataset.current_terms.sharing_class != SharingClass.CONDITIONAL or session.agency == dataset.provider:
        return everything
    grant = index.find_grant(connection, dataset.dataset, session.agency, intent.purpose)
    if grant is None or (grant.parts == 0 and intent.action in _RELEASING):
        return everything  # a grant of existence alone covers no release, and rule 8 says so
    return grant.parts


def _unless_ended(session: Session, standing: CallerStanding) -> Session:
    """A session that ended with its key, epoch or officer counts as one whose credential has expired."""
    return session if standing.is_live else replace(session, credential_until=0)


def _sealing_digest(connection: sa.Connection, consumer: Agency | None) -> bytes:
    """The digest of the key that parts may be released to; zero where there is none that counts."""
    if consumer is None or index.is_of_earlier_epoch(connection, consumer, consumer.sealing_key_digest):
        return bytes(32)
    return consumer.sealing_key_digest


def _query(session: Session, intent: Intent, target: Target, parts: int, at: int) -> Query:
    return Query(
        at=at,
        action=intent.action,
        role=session.role,
        consumer=session.agency,
        officer=session.account,
        credential_until=session.credential_until,
        represents=intent.represents,
        dataset=target.dataset,
        record=target.record,
        subject=target.subject,
        purpose=intent.purpose,
        parts=parts,
    )


def _receipts_log(connection: sa.Connection, services: Services, dataset: index.Dataset) -> LogId:
    head = logs.find_head(connection, dataset.provider, LogKind.RECEIPTS)
    if head is None or head.halted is not None:
        raise UnavailableError("the provider's receipts log is not open on this node, so nothing may be read")
    on_chain = index.find_log(connection, head.log)
    # Verifiers look up the operator at the receipt's block, which is this one (SPEC.md §3, "Whose receipt").
    if on_chain is None or on_chain.operator != services.operator.address:
        raise UnavailableError("another account operates the provider's receipts log, so nothing may be read")
    return head.log

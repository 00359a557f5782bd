"""Reads that release no key: find, resolve, check, history and proof. All pass the same gate as a read."""

from __future__ import annotations

from dataclasses import dataclass, replace

import sqlalchemy as sa

from cityledger.errors import NotAnchoredError, NotFoundError, UnavailableError
from cityledger.exchange.alterations import reporting_alterations
from cityledger.exchange.decisions import refuse, rule_within
from cityledger.exchange.gate import Passed, pass_gate
from cityledger.exchange.services import Intent, Services, Target
from cityledger.exchange.subtree_cache import TreeTops
from cityledger.policy.disclosure import hiding_facts
from cityledger.policy.facts import Facts
from cityledger.proofs.leaves import Leaf
from cityledger.store import node_state, subjects
from cityledger.store.anchoring import batches
from cityledger.store.anchoring.batches import Anchored, Batch
from cityledger.store.index import queries as index
from cityledger.store.records import versions as records
from cityledger.store.records import visible as visible_records
from cityledger.store.records.identifiers import record_identifier_digest
from cityledger.store.records.versions import StoredVersion
from cityledger.store.records.visible import Hiding, hiding_from
from cityledger.store.sessions.tokens import Session
from cityledger.store.tombstones import list_erased_by_request
from cityledger.types import AgencyId, BatchState, DatasetId, RecordId, SubjectId


@dataclass(frozen=True, slots=True)
class VersionState:
    """A version and how far it has come: open (None), closed, signed, mined or final."""

    version: StoredVersion
    state: BatchState | None


@dataclass(frozen=True, slots=True)
class History:
    """Versions that this node holds of a record, oldest first, erased ones marked; and the head, which may be
    a version of another node of the provider (SPEC.md §4.1). ``after`` continues the list, None at its end.
    """

    versions: tuple[VersionState, ...]
    head: index.Head | None
    after: int | None


@dataclass(frozen=True, slots=True)
class FoundPage:
    """Versions by record. ``after`` continues the list, None at its end."""

    versions: tuple[StoredVersion, ...]
    after: RecordId | None

    @classmethod
    def of(cls, found: list[StoredVersion], limit: int) -> FoundPage:
        """The first ``limit`` of those that were read, of which there may be one more."""
        return cls(tuple(found[:limit]), found[limit - 1].record if len(found) > limit else None)


@dataclass(frozen=True, slots=True)
class Inclusion:
    """A leaf's place under an anchored root: everything that a proof file needs."""

    leaf: Leaf
    batch: Batch
    path: tuple[bytes, ...]
    anchored: Anchored
    block_hash: bytes


def find_by_subject(
    services: Services,
    session: Session,
    intent: Intent,
    dataset: DatasetId,
    subject: SubjectId,
    *,
    after: RecordId | None,
    limit: int,
) -> tuple[Passed, FoundPage]:
    """At most ``limit`` of the newest versions that name a subject, of records above ``after``, less those
    that the rules hide from this caller. Its receipts are those of the question, one for each page.
    """
    target = Target(dataset, subject=subject, parts=0)
    passed = pass_gate(services, session, intent, target)
    with services.database.reading() as connection:
        hiding = hiding_now(connection, services, session, intent, target)
        found = visible_records.find_of_subject(
            connection, dataset, subject, hiding, after=after, limit=limit + 1
        )
    return passed, FoundPage.of(found, limit)


def find_by_key(
    services: Services, session: Session, intent: Intent, target: Target
) -> tuple[Passed, StoredVersion] | None:
    """The newest version of one record by its id; None if there is none or it is hidden. Its receipt names
    the record either way.
    """
    try:
        passed = pass_gate(services, session, intent, replace(target, parts=0))
    except NotFoundError as error:
        if error.what != "record":
            raise
        return None
    version = passed.ruling.version
    return None if version is None else (passed, version)


def resolve_subject(
    services: Services, session: Session, intent: Intent, dataset: DatasetId, system: str, value: str
) -> tuple[Passed, SubjectId | None]:
    """The provider's pseudonym of an identifier. The provider gets a new one where there is none; others get
    None unless ``find_by_subject`` shows them a record of that person or thing in this dataset.
    """
    target = Target(dataset, parts=0)
    passed = pass_gate(services, session, intent, target)
    provider = passed.ruling.dataset.provider
    identifier = subjects.identifier_digest(services.keys_of(provider).subject_key, system, value)
    with services.database.reading() as connection:
        if session.agency == provider:
            known = subjects.find_subject(connection, provider, identifier)
        else:
            hiding = hiding_now(connection, services, session, intent, target)
            known = visible_records.find_named_subject(connection, provider, identifier, dataset, hiding)
    if known is not None or session.agency != provider:
        return passed, known
    return passed, _add_subject(services, provider, identifier)


def history(
    services: Services, session: Session, intent: Intent, target: Target, *, after: int, limit: int
) -> tuple[Passed, History]:
    """At most ``limit`` versions of a record above ``after`` with the state of their batches, and which of
    them has landed. To others than the provider, versions that were erased at the subject's request are
    absent, also where one of them is the head.
    """
    passed = pass_gate(services, session, intent, target)
    with services.database.reading() as connection:
        final = node_state.final_block(connection)
        versions = records.list_versions(connection, target.dataset, target.record, after=after, limit=limit)
        following = versions[-1].version if len(versions) == limit else None
        head = index.find_head(connection, target.dataset, target.record)
        if session.agency != passed.ruling.dataset.provider:
            erased = list_erased_by_request(connection, target.dataset, target.record)
            versions = [one for one in versions if one.version not in erased]
            head = None if head is not None and head.version in erased else head
        states = tuple(VersionState(one, _state(connection, one, final)) for one in versions)
        return passed, History(states, head, following)


def prove(services: Services, session: Session, intent: Intent, target: Target) -> tuple[Passed, Inclusion]:
    """The inclusion of one version's leaf under its anchored root.

    Raises: as ``pass_gate``, and
        NotAnchoredError: the version is durable but not mined yet; ask again after the next batch.
    """
    passed = pass_gate(services, session, intent, target)
    version = passed.ruling.version
    if version is None:
        raise NotFoundError("record")
    with (
        reporting_alterations(services.alterations, version.log, version.seq),
        services.database.reading() as connection,
    ):
        leaf = records.load_leaf(connection, services.instance, version)
        return passed, include(connection, leaf, services.tree_tops)


def include(connection: sa.Connection, leaf: Leaf, tops: TreeTops) -> Inclusion:
    """The place of a numbered leaf under its anchored root.

    Raises:
        NotAnchoredError: no block holds it yet.
        VerificationError: the stored leaves are not those that were anchored.
    """
    batch = batches.find_batch_of(connection, leaf.log, leaf.seq)
    anchored = None if batch is None else batches.find_anchored(connection, batch.log, batch.first)
    if batch is None or anchored is None:
        raise NotAnchoredError("it is durable but its batch is not mined yet; ask again after the next batch")
    if (anchored.root, anchored.count) != (batch.root, batch.count):
        raise NotAnchoredError("the chain holds another batch in its place; `cityledger node logs` says why")
    block = index.find_block(connection, anchored.block)
    if block is None:
        raise UnavailableError("the anchoring block is not indexed any more; ask again")
    path = tops.path(connection, batch, leaf.seq - batch.first)
    return Inclusion(leaf, batch, path, anchored, block.hash)


def hiding_now(
    connection: sa.Connection, services: Services, session: Session, intent: Intent, target: Target
) -> Hiding:
    """What hides records from a caller whom the gate permitted a request about no single record. It is asked
    again in the transaction that looks for them: what took effect since counts.

    Raises:
        DeniedError: the rules deny the question itself by now.
    """
    ruling = rule_within(connection, services, session, intent, target)
    if not ruling.permit:
        raise refuse(ruling)
    hides = hiding_facts(ruling.deciding.facts)
    return hiding_from(
        session.agency,
        sealed=Facts.SEALED_BY_LAW in hides,
        for_all=Facts.RESTRICTED_FOR_ALL in hides,
        for_consumer=Facts.RESTRICTED_FOR_CONSUMER in hides,
    )


def _state(connection: sa.Connection, version: StoredVersion, final: int) -> BatchState | None:
    batch = batches.find_batch_of(connection, version.log, version.seq)
    return None if batch is None else batches.state_of(connection, batch, final)


def _add_subject(services: Services, provider: AgencyId, identifier: bytes) -> SubjectId:
    fresh = SubjectId(services.random_bytes(32))
    return services.journal.run(
        lambda connection: subjects.add_subject(connection, provider, identifier, fresh)
    )


def find_by_identifier(
    services: Services,
    session: Session,
    intent: Intent,
    dataset: DatasetId,
    system: str,
    value: str,
    *,
    after: RecordId | None,
    limit: int,
) -> tuple[Passed | None, FoundPage]:
    """At most ``limit`` of the newest versions that carry an identifier, of records above ``after``, less
    those that the rules hide from this caller.

    Each record of the page leaves receipts that name it, as a lookup by its id does; records of other pages
    leave none. A hidden record leaves none in addition to that of the request itself, since the numbers of
    the log would disclose it.

    Raises: as ``pass_gate``, and
        MisdirectedError: the provider's keys are not on this node.
    """
    target = Target(dataset, parts=0)
    try:
        passed = pass_gate(services, session, intent, target)
    except NotFoundError as error:
        if error.what != "record":
            raise
        return None, FoundPage((), None)
    key = services.keys_of(passed.ruling.dataset.provider).subject_key
    digest = record_identifier_digest(key, system, value)
    with services.database.reading() as connection:
        hiding = hiding_now(connection, services, session, intent, target)
        visible = visible_records.find_of_identifier(
            connection, dataset, digest, hiding, after=after, limit=limit + 1
        )
    page = FoundPage.of(visible, limit)
    targets = (Target(version.dataset, version.record, parts=0) for version in page.versions)
    answers = (find_by_key(services, session, intent, target) for target in targets)
    permitted = [answer for answer in answers if answer is not None]
    receipts = (receipt for of_record, _ in permitted for receipt in of_record.receipts)
    passed = replace(passed, receipts=(*passed.receipts, *receipts))
    return passed, replace(page, versions=tuple(version for _, version in permitted))

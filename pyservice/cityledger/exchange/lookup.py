"""Reads that release no key: find, resolve, check, history and proof. All pass the same gate as a read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TypeVar

import sqlalchemy as sa

from cityledger.errors import NotAnchoredError, NotFoundError, UnavailableError
from cityledger.exchange.access import Access
from cityledger.exchange.alterations import reporting_alterations
from cityledger.exchange.decisions import Ruling, rule_within
from cityledger.exchange.gate import Passed, pass_gate
from cityledger.exchange.permits import record_denial
from cityledger.exchange.services import Services
from cityledger.exchange.subtree_cache import SubtreeCache
from cityledger.formats.rows import Identifier
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
from cityledger.store.tombstones import list_erased_by_request
from cityledger.types import AgencyId, BatchState, RecordId, SubjectId

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class VersionState:
    """A version and the state of its batch: open (None), closed, signed, mined or final."""

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
    services: Services, access: Access, *, after: RecordId | None, limit: int
) -> tuple[Passed, FoundPage]:
    """At most ``limit`` of the newest versions that name the target's subject, of records above ``after``,
    less those that the rules hide from this caller. Its receipts are those of the request, one for each page.
    """
    access = _without_parts(access)
    target = access.target
    passed = pass_gate(services, access)
    found = _search(
        services,
        access,
        lambda connection, hiding: visible_records.find_of_subject(
            connection, target.dataset, target.subject, hiding, after=after, limit=limit + 1
        ),
    )
    return passed, FoundPage.of(found, limit)


def find_by_key(services: Services, access: Access) -> tuple[Passed, StoredVersion] | None:
    """The newest version of one record by its id; None if there is none or it is hidden. Its receipt names
    the record either way.
    """
    try:
        passed = pass_gate(services, _without_parts(access))
    except NotFoundError as error:
        if error.what != "record":
            raise
        return None
    version = passed.ruling.version
    return None if version is None else (passed, version)


def resolve_subject(
    services: Services, access: Access, identifier: Identifier
) -> tuple[Passed, SubjectId | None]:
    """The provider's pseudonym of an identifier. The provider gets a new one where there is none; others get
    None unless ``find_by_subject`` shows them a record of that person or thing in this dataset.
    """
    access = _without_parts(access)
    passed = pass_gate(services, access)
    provider = passed.ruling.dataset.provider
    key = services.keys_of(provider).subject_key
    digest = subjects.identifier_digest(key, identifier.system, identifier.value)
    if access.session.agency == provider:
        return passed, _own_subject(services, provider, digest)
    return passed, _search(
        services,
        access,
        lambda connection, hiding: visible_records.find_named_subject(
            connection, provider, digest, access.target.dataset, hiding
        ),
    )


def history(services: Services, access: Access, *, after: int, limit: int) -> tuple[Passed, History]:
    """At most ``limit`` versions of a record above ``after`` with the state of their batches, and the
    current head. To others than the provider, versions that were erased at the subject's request are
    absent, also where one of them is the head.
    """
    passed, target = pass_gate(services, access), access.target
    with services.database.reading() as connection:
        final = node_state.final_block(connection)
        versions = records.list_versions(connection, target.dataset, target.record, after=after, limit=limit)
        following = versions[-1].version if len(versions) == limit else None
        head = index.find_head(connection, target.dataset, target.record)
        if access.session.agency != passed.ruling.dataset.provider:
            erased = list_erased_by_request(connection, target.dataset, target.record)
            versions = [one for one in versions if one.version not in erased]
            head = None if head is not None and head.version in erased else head
        states = tuple(VersionState(one, _state(connection, one, final)) for one in versions)
        return passed, History(states, head, following)


def prove(services: Services, access: Access) -> tuple[Passed, Inclusion]:
    """The inclusion of one version's leaf under its anchored root.

    Raises: as ``pass_gate``, and
        NotAnchoredError: the version is durable but not mined yet; ask again after the next batch.
    """
    passed = pass_gate(services, access)
    version = passed.ruling.version
    if version is None:
        raise NotFoundError("record")
    with (
        reporting_alterations(services.alterations, version.log, version.seq),
        services.database.reading() as connection,
    ):
        leaf = records.load_leaf(connection, services.instance, version)
        return passed, include(connection, leaf, services.subtree_cache)


def include(connection: sa.Connection, leaf: Leaf, cache: SubtreeCache) -> Inclusion:
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
        raise UnavailableError("the anchoring block is no longer indexed; ask again")
    path = cache.path(connection, batch, leaf.seq - batch.first)
    return Inclusion(leaf, batch, path, anchored, block.hash)


def _search(services: Services, access: Access, search: Callable[[sa.Connection, Hiding], T]) -> T:
    """Searches for a caller whom the gate permitted a request about no single record. What hides records is
    decided in the transaction that searches: what took effect since the gate counts.

    Raises:
        DeniedError, NotFoundError: the rules deny the request itself by now; the receipt is durable.
    """
    with services.database.reading() as connection:
        ruling = rule_within(connection, services, access)
        if ruling.permit:
            return search(connection, _hiding(access.session.agency, ruling))
    raise record_denial(services, access, ruling)


def _hiding(consumer: AgencyId, ruling: Ruling) -> Hiding:
    hides = hiding_facts(ruling.deciding.facts)
    return hiding_from(
        consumer,
        sealed=Facts.SEALED_BY_LAW in hides,
        for_all=Facts.RESTRICTED_FOR_ALL in hides,
        for_consumer=Facts.RESTRICTED_FOR_CONSUMER in hides,
    )


def _state(connection: sa.Connection, version: StoredVersion, final: int) -> BatchState | None:
    batch = batches.find_batch_of(connection, version.log, version.seq)
    return None if batch is None else batches.state_of(connection, batch, final)


def _without_parts(access: Access) -> Access:
    return access.of(replace(access.target, parts=0))


def _own_subject(services: Services, provider: AgencyId, identifier: bytes) -> SubjectId:
    """The provider's pseudonym, which is a new one where there is none yet."""
    with services.database.reading() as connection:
        known = subjects.find_subject(connection, provider, identifier)
    if known is not None:
        return known
    fresh = SubjectId(services.random_bytes(32))
    return services.journal.run(
        lambda connection: subjects.add_subject(connection, provider, identifier, fresh)
    )


def find_by_identifier(
    services: Services, access: Access, identifier: Identifier, *, after: RecordId | None, limit: int
) -> tuple[Passed | None, FoundPage]:
    """At most ``limit`` of the newest versions that carry an identifier, of records above ``after``, less
    those that the rules hide from this caller.

    Each record of the page leaves receipts that name it, as a lookup by its id does; records of other pages
    leave none. A hidden record leaves none in addition to that of the request itself, since the numbers of
    the log would disclose it.

    Raises: as ``pass_gate``, and
        MisdirectedError: the provider's keys are not on this node.
    """
    access = _without_parts(access)
    dataset = access.target.dataset
    try:
        passed = pass_gate(services, access)
    except NotFoundError as error:
        if error.what != "record":
            raise
        return None, FoundPage((), None)
    key = services.keys_of(passed.ruling.dataset.provider).subject_key
    digest = record_identifier_digest(key, identifier.system, identifier.value)
    visible = _search(
        services,
        access,
        lambda connection, hiding: visible_records.find_of_identifier(
            connection, dataset, digest, hiding, after=after, limit=limit + 1
        ),
    )
    page = FoundPage.of(visible, limit)
    targets = (replace(access.target, record=version.record) for version in page.versions)
    answers = (find_by_key(services, access.of(target)) for target in targets)
    permitted = [answer for answer in answers if answer is not None]
    receipts = (receipt for of_record, _ in permitted for receipt in of_record.receipts)
    passed = replace(passed, receipts=(*passed.receipts, *receipts))
    return passed, replace(page, versions=tuple(version for _, version in permitted))

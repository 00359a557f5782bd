"""Checks whether a version ends its record: a column of its row says so, and its leaf does.

A version that withdraws has every part sealed empty (SPEC.md §3), and no other has. The leaf's commitments
are those of nothing then, so that a flag that was altered in the database contradicts them.
"""

from __future__ import annotations

from cityledger.errors import VerificationError
from cityledger.exchange.services import Services
from cityledger.proofs.leaves import RecordLeaf
from cityledger.sealing.context import Context, derive_opening
from cityledger.sealing.envelope import commitment
from cityledger.store.records import versions as records
from cityledger.store.records.requested import RequestedVersion
from cityledger.store.records.versions import StoredVersion
from cityledger.types import AgencyId


def verify_unreadable(services: Services, provider: AgencyId, requested: RequestedVersion) -> None:
    """Returns if a version that is erased or withdrawn by its row really is. An erasure needs no further
    check here.

    Raises:
        VerificationError, SealingError: it has no tombstone, or its leaf commits to content.
    """
    version = requested.stored
    if version.wrapped is None:
        if not requested.is_tombstoned:
            raise VerificationError("a stored version has no key, and was not erased")
        return
    with services.database.reading() as connection:
        whole = records.find_any_version(connection, version.dataset, version.record, version.version)
        leaf = records.load_leaf(connection, services.instance, whole or version)
    context = Context(services.instance, version.dataset, version.record, version.version)
    data_key = services.unwrap(provider, version.wrapped, context)
    verify_flag(version, leaf, data_key)


def verify_flag(version: StoredVersion, leaf: RecordLeaf, data_key: bytes) -> None:
    """Returns if row and leaf agree on whether the version withdraws its record.

    Raises:
        VerificationError: it was altered.
    """
    context = Context(leaf.instance, leaf.dataset, leaf.record, leaf.version)
    is_empty = all(
        part.commitment == commitment(derive_opening(data_key, context.for_part(part.name)), b"")
        for part in leaf.parts
    )
    if is_empty != version.withdrawn:
        raise VerificationError("whether a stored version withdraws its record was altered")

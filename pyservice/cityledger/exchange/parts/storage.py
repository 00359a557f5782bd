"""Storage of sealed bytes: short ones in the row, long ones in the object store before the row exists.

So a row never names an object that is not durable, and what is left over is only ever an object without a
row: after a crash between the two, or after an erasure. ``sweep`` removes those.
"""

from __future__ import annotations

import itertools
import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from cityledger.errors import (
    BusyError,
    CityledgerError,
    NotFoundError,
    StorageFullError,
    UnavailableError,
    VerificationError,
)
from cityledger.exchange.services import Services
from cityledger.profiles import registry
from cityledger.sealing.context import Context, derive_part_keys
from cityledger.sealing.envelope import HEADER_BYTES, Header, parse_header
from cityledger.sealing.streaming import SealingStream
from cityledger.store.engine.database import Database
from cityledger.store.index.queries import Dataset
from cityledger.store.records import versions as records
from cityledger.store.records.versions import SealedPart
from cityledger.types import Address, Aead

log = logging.getLogger(__name__)
IN_ROW_BYTES = 262_144
"""Sealed parts up to this length are kept in the row."""
SHARED_GRACE = timedelta(days=1)
"""The longest that a write of another process may need from its first object to its row."""


@dataclass(frozen=True, slots=True)
class PartSpec:
    """The part and version to seal, and the key; ``padding`` is its profile's."""

    bit: int
    name: str
    context: Context
    data_key: bytes
    aead: Aead
    padding: int


def seal_part(services: Services, spec: PartSpec, payload: Iterable[bytes]) -> SealedPart:
    """Seals a part while its payload comes; it is kept in an object if it is long.

    Raises:
        StorageFullError, UnavailableError: nothing was kept.
        Exception: whatever ``payload`` raises; nothing was kept.
    """
    context = spec.context.for_part(spec.name)
    keys = derive_part_keys(spec.data_key, context, spec.aead)
    sealing = SealingStream(payload, keys, context, spec.aead, spec.padding)
    ciphertext, key = _keep(services, iter(sealing))
    return SealedPart(
        spec.bit, spec.name, ciphertext, sealing.digest, sealing.commitment, sealing.sealed_bytes, key
    )


def header_of(services: Services, part: SealedPart) -> Header:
    """The header of a stored ciphertext.

    Raises:
        VerificationError: its object is gone.
    """
    if part.ciphertext is not None:
        return parse_header(part.ciphertext)
    try:
        return parse_header(services.objects.head(part.object or "", HEADER_BYTES))
    except NotFoundError as error:
        raise VerificationError("an object that a stored version names is gone") from error


def ciphertext_of(services: Services, part: SealedPart) -> Iterator[bytes]:
    """The stored ciphertext in chunks.

    Raises:
        VerificationError: its object is gone.
    """
    if part.ciphertext is not None:
        yield part.ciphertext
        return
    try:
        yield from services.objects.get(part.object or "")
    except NotFoundError as error:
        raise VerificationError("an object that a stored version names is gone") from error


def keys_in(sealed: Iterable[SealedPart]) -> set[str]:
    """The objects that these parts are kept in."""
    return {part.object for part in sealed if part.object is not None}


def discard(services: Services, keys: Iterable[str]) -> None:
    """Removes objects that no version needs. What cannot be removed now is left to ``sweep``."""
    try:
        for key in _not_needed(services, sorted(keys)):
            services.objects.delete(key)
    except CityledgerError as error:
        log.warning("objects left to the next start error=%s", type(error).__name__)


def discard_after(services: Services, keys: Iterable[str], failure: BaseException) -> None:
    """``discard`` after a write that failed, unless its outcome is unknown: a row may still come."""
    is_known = isinstance(failure, StorageFullError | BusyError)  # each says that nothing was written
    if isinstance(failure, UnavailableError) and not is_known:
        return
    discard(services, keys)


def written_before(began: datetime, database: Database) -> datetime:
    """The time before which no object is of a write still on its way, for a process that ``began`` then.

    Other processes of the node may write to a shared database, and have begun earlier.
    """
    return began - SHARED_GRACE if database.is_shared else began


def sweep(services: Services, before: datetime, stops: Callable[[], bool] = lambda: False) -> int:
    """Removes what earlier processes left in this node's part of the object store; returns how much.

    ``before`` is when this process began: what was written since may be about to get its row. Nothing more is
    removed once ``stops`` says so.
    """
    return sum(
        services.objects.sweep(
            _prefix(account), before, lambda key: stops() or not _not_needed(services, [key])
        )
        for account in services.own_accounts()
    )


def _keep(services: Services, sealed: Iterator[bytes]) -> tuple[bytes | None, str | None]:
    gathered = bytearray()
    for chunk in sealed:
        gathered += chunk
        if len(gathered) > IN_ROW_BYTES:
            break
    else:
        return bytes(gathered), None
    key = _prefix(Address(services.operator.address)) + services.random_bytes(16).hex()
    services.objects.put(key, itertools.chain([bytes(gathered)], sealed))
    return None, key


def _prefix(operator: Address) -> str:
    # The operator's account is this node's alone: nodes that share a bucket never sweep each other's objects.
    return f"parts/{operator.lower()}/"


def _not_needed(services: Services, keys: Sequence[str]) -> list[str]:
    with services.database.reading() as connection:
        return [key for key in keys if not records.is_object_needed(connection, key)]


def binary_names(dataset: Dataset) -> frozenset[str]:
    """Names of the dataset's binary parts; none where this version does not know the profile."""
    profile = registry.find(dataset.profile)
    return frozenset() if profile is None else profile.binary_parts & frozenset(dataset.part_names)


def binary_mask(dataset: Dataset) -> int:
    """The bits of the binary parts."""
    names = binary_names(dataset)
    return sum(1 << bit for bit, name in enumerate(dataset.part_names) if name in names)


def json_mask(dataset: Dataset) -> int:
    """The bits of the other parts."""
    return ((1 << len(dataset.part_names)) - 1) & ~binary_mask(dataset)

"""A file that is being received: sealed as it comes, so that its plain bytes are never stored at rest."""

from __future__ import annotations

import hashlib
import hmac
import io
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, BinaryIO, cast

from cityledger.exchange.services import Services
from cityledger.sealing.context import Context, derive_part_keys
from cityledger.sealing.padding import LARGEST_PADDING, padded_bytes
from cityledger.sealing.streaming import SealingStream, open_stream
from cityledger.store.imports import Spooled, list_objects
from cityledger.types import Address, Aead, AgencyId, DatasetId, RecordId

if TYPE_CHECKING:
    from typing_extensions import Buffer

PADDING = LARGEST_PADDING
"""Files are padded to 64 KiB at least; their lengths are kept and reported in that form only."""
_PART = "import"
_CONTENT_DOMAIN = b"cityledger/v1/import-content\0"
_REQUEST_DOMAIN = b"cityledger/v1/import-request"
_BUFFER_BYTES = 1_048_576


@dataclass(frozen=True, slots=True)
class Received:
    """A file that is durable and sealed. ``content`` is an HMAC of its bytes: it distinguishes files, and
    does not disclose the content of a small file without the agency's key.
    """

    spooled: Spooled
    content: bytes


def spool(services: Services, agency: AgencyId, dataset: DatasetId, chunks: Iterable[bytes]) -> Received:
    """Seals a file into the object store as it comes, in constant memory; it is durable on return.

    Raises:
        MisdirectedError: the agency's keys are not on this node.
        StorageFullError, UnavailableError: nothing is left behind.
        Exception: whatever ``chunks`` raises; nothing is left behind.
    """
    keys = services.keys_of(agency)
    name = _prefix(Address(services.operator.address)) + services.random_bytes(16).hex()
    context = spool_context(services.instance, dataset, name)
    data_key = services.random_bytes(32)
    part_context = context.for_part(_PART)
    part_keys = derive_part_keys(data_key, part_context, Aead.AES_256_GCM)
    digest = hashlib.sha256()
    chunks = _tee(chunks, digest.update)
    sealed = SealingStream(chunks, part_keys, part_context, Aead.AES_256_GCM, PADDING)
    services.objects.put(name, sealed)
    wrapped = services.wrap(agency, data_key, context)  # only now: an upload may outlast a vault key
    content = hmac.digest(keys.subject_key, _CONTENT_DOMAIN + dataset + digest.digest(), "sha256")
    return Received(Spooled(name, wrapped, padded_bytes(sealed.payload_bytes, PADDING)), content)


def content_with(services: Services, agency: AgencyId, content: bytes, format_: str, options: str) -> bytes:
    """An HMAC of a file's ``content`` with the format and the options with which it is read, 32 bytes."""
    joined = b"\0".join((_REQUEST_DOMAIN, content, format_.encode(), options.encode()))
    return hmac.digest(services.keys_of(agency).subject_key, joined, "sha256")


def open_spooled(
    services: Services, agency: AgencyId, dataset: DatasetId, spooled: Spooled, read: Callable[[int], None]
) -> BinaryIO:
    """The plain bytes of a spooled file from its beginning; ``read`` is called with the length of each piece.

    Raises, on opening and while reading:
        SealingError: what is stored is not what was spooled.
        UnavailableError: the object store does not answer.
    """
    context = spool_context(services.instance, dataset, spooled.object)
    data_key = services.unwrap(agency, spooled.wrapped, context)
    part_context = context.for_part(_PART)
    keys = derive_part_keys(data_key, part_context, Aead.AES_256_GCM)
    chunks = open_stream(services.objects.get(spooled.object), keys, part_context)
    return cast(BinaryIO, io.BufferedReader(_Chunks(chunks, read), _BUFFER_BYTES))


def wrap_again(services: Services, agency: AgencyId, dataset: DatasetId, spooled: Spooled) -> Spooled:
    """The same file with its data key under the agency's current vault key.

    Raises: as ``Services.unwrap``.
    """
    context = spool_context(services.instance, dataset, spooled.object)
    data_key = services.unwrap(agency, spooled.wrapped, context)
    return replace(spooled, wrapped=services.wrap(agency, data_key, context))


def sweep(services: Services, before: datetime) -> int:
    """Removes files that no import needs and that were written before this process began; returns how many.

    Raises:
        UnavailableError: the object store does not answer.
    """
    with services.database.reading() as connection:
        needed = list_objects(connection)
    return sum(
        services.objects.sweep(_prefix(account), before, needed.__contains__)
        for account in services.own_accounts()
    )


def _prefix(operator: Address) -> str:
    # The operator's account is this node's alone: nodes that share a store never sweep each other's files.
    return f"imports/{operator.lower()}/"


def spool_context(instance: bytes, dataset: DatasetId, name: str) -> Context:
    """No record has such an id (they are HMACs), so no record's key opens a spooled file or the reverse."""
    place = RecordId(hashlib.sha256(b"cityledger/v1/import\0" + name.encode()).digest())
    return Context(instance, dataset, place, 1)


def _tee(chunks: Iterable[bytes], note: Callable[[bytes], None]) -> Iterator[bytes]:
    for chunk in chunks:
        note(chunk)
        yield chunk


class _Chunks(io.RawIOBase):
    """Chunks as a file."""

    def __init__(self, chunks: Iterator[bytes], read: Callable[[int], None]) -> None:
        self._chunks = chunks
        self._read = read
        self._rest = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Buffer, /) -> int:
        while not self._rest:
            chunk = next(self._chunks, None)
            if chunk is None:
                return 0
            self._rest = memoryview(chunk)
        view = memoryview(buffer)
        taken = min(len(view), len(self._rest))
        view[:taken] = self._rest[:taken]
        self._rest = self._rest[taken:]
        self._read(taken)
        return taken

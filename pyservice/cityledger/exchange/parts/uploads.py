"""Binary parts of a record, sealed while they are received: no plaintext of them is collected or written."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from types import TracebackType

from cityledger.errors import FieldError, PayloadError, TooLargeError
from cityledger.exchange.parts.storage import (
    PartSpec,
    binary_names,
    ciphertext_of,
    discard,
    discard_after,
    header_of,
    keys_in,
    seal_part,
)
from cityledger.exchange.parts.validation import validate_parts
from cityledger.exchange.permits import Permit
from cityledger.exchange.services import Services
from cityledger.profiles import registry
from cityledger.sealing.context import Context, derive_part_keys
from cityledger.sealing.streaming import open_stream
from cityledger.store.records import versions as records
from cityledger.store.records.versions import SealedPart, SealedRecord
from cityledger.types import Aead


@dataclass(frozen=True, slots=True)
class Uploads:
    """The sealed binary parts of a write whose JSON parts fit them; ``Uploading`` makes it. They are sealed
    for one version, whose number another write may have taken since.
    """

    context: Context
    data_key: bytes = field(repr=False)
    aead: Aead
    parts: Mapping[str, SealedPart]


class Uploading:
    """Seals the binary parts of one write, one after another; as a context manager it deletes those that the
    write did not use. ``parts`` are the JSON parts; ``limit_bytes`` is for each binary one.
    """

    def __init__(
        self,
        services: Services,
        permit: Permit,
        parts: Mapping[str, bytes],
        *,
        limit_bytes: int,
        aead: Aead = Aead.AES_256_GCM,
    ) -> None:
        """Validates the JSON parts before any binary part is received, as if all of those were to come.

        Raises:
            PayloadError, FieldError: as ``validate_parts``.
        """
        dataset, record = permit.dataset, permit.target.record
        validate_parts(dataset, parts, binary_names(dataset))
        with services.database.reading() as connection:
            version = records.newest_version(connection, dataset.dataset, record) + 1
        self._services, self._dataset, self._limit_bytes = services, dataset, limit_bytes
        self._json_parts = parts
        self._context = Context(services.instance, dataset.dataset, record, version)
        self._data_key = services.random_bytes(32)
        self._aead = aead
        self._parts: dict[str, SealedPart] = {}
        self.digests: dict[str, bytes] = {}
        """SHA-256 of each payload, to recognise a repeated request; never stored."""

    def seal(self, name: str, payload: Iterable[bytes]) -> None:
        """Seals one part to its end.

        Raises:
            FieldError: no such binary part, or it was sent already.
            PayloadError: it is empty.
            TooLargeError: it is over the limit.
            StorageFullError, UnavailableError: it cannot be stored.
            Exception: whatever ``payload`` raises.
        """
        self._verify_name(name)
        digest = hashlib.sha256()
        bit = self._dataset.part_names.index(name)
        padding = registry.get(self._dataset.profile).padding_of(name)
        spec = PartSpec(bit, name, self._context, self._data_key, self._aead, padding)
        self._parts[name] = seal_part(self._services, spec, self._counted(name, payload, digest.update))
        self.digests[name] = digest.digest()

    def finish(self) -> Uploads:
        """All of them.

        Raises:
            PayloadError: the JSON parts need a binary part that was not sent.
        """
        if self._parts.keys() != binary_names(self._dataset):
            registry.get(self._dataset.profile).validate_together(self._json_parts, self._parts)
        return Uploads(self._context, self._data_key, self._aead, dict(self._parts))

    def __enter__(self) -> Uploading:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Deletes what no version needs, after a failure or because the request was answered before."""
        keys = keys_in(self._parts.values())
        if error is None:
            discard(self._services, keys)
        else:
            discard_after(self._services, keys, error)

    def _verify_name(self, name: str) -> None:
        known = binary_names(self._dataset)
        if name not in known:
            accepted = f"it has {', '.join(sorted(known))}" if known else "it has none"
            raise FieldError(f"parts.{name[:64]}", f"is not a binary part of this dataset; {accepted}")
        if name in self._parts:
            raise FieldError(f"parts.{name}", "is sent twice; send each part once")

    def _counted(
        self, name: str, payload: Iterable[bytes], tee: Callable[[bytes], object]
    ) -> Iterator[bytes]:
        total = 0
        for chunk in payload:
            total += len(chunk)
            if total > self._limit_bytes:
                raise TooLargeError(f"parts.{name}", f"is longer than {self._limit_bytes} bytes")
            tee(chunk)
            yield chunk
        if total == 0:
            raise PayloadError(f"parts.{name}", "is empty; send its content, or leave the part out")


def seal_again(services: Services, uploads: Uploads, context: Context) -> Uploads:
    """The same parts for another version, read from where they are stored; the old ones stay.

    Raises:
        SealingError, VerificationError: what is stored is not what was sealed.
    """
    data_key = services.random_bytes(32)
    made: dict[str, SealedPart] = {}
    try:
        for name, part in uploads.parts.items():
            padding = header_of(services, part).padding
            spec = PartSpec(part.bit, name, context, data_key, uploads.aead, padding)
            made[name] = seal_part(services, spec, _payload(services, uploads, part))
    except BaseException as failure:
        discard_after(services, keys_in(made.values()), failure)
        raise
    return Uploads(context, data_key, uploads.aead, made)


def _payload(services: Services, uploads: Uploads, part: SealedPart) -> Iterator[bytes]:
    context = uploads.context.for_part(part.name)
    keys = derive_part_keys(uploads.data_key, context, uploads.aead)
    return open_stream(ciphertext_of(services, part), keys, context)


class PendingObjects:
    """The objects that one write stores before its row; as a context manager it deletes those that no row
    names in the end, unless the outcome of the write is unknown.
    """

    def __init__(self, services: Services, uploads: Uploads | None = None) -> None:
        self._services = services
        self._keys = set() if uploads is None else keys_in(uploads.parts.values())

    def add(self, sealed: SealedRecord) -> None:
        """Adds the objects of a version that was sealed and may get its row."""
        self._keys |= keys_in(sealed.parts)

    def __enter__(self) -> PendingObjects:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if not self._keys:
            return
        if error is None:
            discard(self._services, self._keys)  # all but those of the version that was stored
        else:
            discard_after(self._services, self._keys, error)

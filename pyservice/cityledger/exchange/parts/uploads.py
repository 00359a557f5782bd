"""Binary parts of a record, sealed while they come: no plaintext of them is ever held or written."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from types import TracebackType

from cityledger.errors import FieldError, PayloadError, TooLargeError
from cityledger.exchange.parts.storage import (
    PartPlace,
    binary_names,
    ciphertext_of,
    discard,
    discard_after,
    header_of,
    keys_in,
    seal_part,
)
from cityledger.exchange.services import Services
from cityledger.profiles import registry
from cityledger.sealing.context import Context, derive_part_keys
from cityledger.sealing.streaming import open_stream
from cityledger.store.index.queries import Dataset
from cityledger.store.records import versions as records
from cityledger.store.records.versions import SealedPart, SealedRecord
from cityledger.types import Aead, RecordId


@dataclass(frozen=True, slots=True)
class Uploads:
    """Parts that are sealed for one version, which may have gone to another write in the meantime."""

    context: Context
    data_key: bytes = field(repr=False)
    aead: Aead
    parts: Mapping[str, SealedPart]


class Uploading:
    """Takes the binary parts of one write, one after another; as a context manager it leaves none behind that
    the write did not come to need. ``limit_bytes`` is for each of them.
    """

    def __init__(
        self, services: Services, dataset: Dataset, record: RecordId, limit_bytes: int, aead: Aead
    ) -> None:
        with services.database.reading() as connection:
            version = records.newest_version(connection, dataset.dataset, record) + 1
        self._services, self._dataset, self._limit_bytes = services, dataset, limit_bytes
        self._context = Context(services.instance, dataset.dataset, record, version)
        self._data_key = services.random_bytes(32)
        self._aead = aead
        self._parts: dict[str, SealedPart] = {}
        self.digests: dict[str, bytes] = {}
        """SHA-256 of each payload, to tell a repeated request; never stored."""

    def take(self, name: str, payload: Iterable[bytes]) -> None:
        """Seals one part to its end.

        Raises:
            FieldError: no such binary part, or it came already.
            PayloadError: it is empty.
            TooLargeError: it is over the limit.
            StorageFullError, UnavailableError: it cannot be kept.
            Exception: whatever ``payload`` raises.
        """
        self._verify_name(name)
        digest = hashlib.sha256()
        bit = self._dataset.part_names.index(name)
        padding = registry.get(self._dataset.profile).padding_of(name)
        place = PartPlace(bit, name, self._context, self._data_key, self._aead, padding)
        self._parts[name] = seal_part(self._services, place, self._noted(name, payload, digest.update))
        self.digests[name] = digest.digest()

    def finish(self) -> Uploads | None:
        """All of them; None where there were none."""
        if not self._parts:
            return None
        return Uploads(self._context, self._data_key, self._aead, dict(self._parts))

    def __enter__(self) -> Uploading:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Removes what no version needs, be it after a failure or because the request was answered before."""
        keys = keys_in(self._parts.values())
        if error is None:
            discard(self._services, keys)
        else:
            discard_after(self._services, keys, error)

    def _verify_name(self, name: str) -> None:
        held = binary_names(self._dataset)
        if name not in held:
            told = f"it has {', '.join(sorted(held))}" if held else "it has none"
            raise FieldError(f"parts.{name[:64]}", f"is not a binary part of this dataset; {told}")
        if name in self._parts:
            raise FieldError(f"parts.{name}", "comes twice")

    def _noted(self, name: str, payload: Iterable[bytes], note: Callable[[bytes], object]) -> Iterator[bytes]:
        total = 0
        for chunk in payload:
            total += len(chunk)
            if total > self._limit_bytes:
                raise TooLargeError(f"parts.{name}", f"is longer than {self._limit_bytes} bytes")
            note(chunk)
            yield chunk
        if total == 0:
            raise PayloadError(f"parts.{name}", "a part is left out or holds something; it is never empty")


def seal_again(services: Services, uploads: Uploads, context: Context) -> Uploads:
    """The same parts for another version, read from where they are kept; the old ones stay.

    Raises:
        SealingError, VerificationError: what is kept is not what was sealed.
    """
    data_key = services.random_bytes(32)
    made: dict[str, SealedPart] = {}
    try:
        for name, part in uploads.parts.items():
            padding = header_of(services, part).padding
            place = PartPlace(part.bit, name, context, data_key, uploads.aead, padding)
            made[name] = seal_part(services, place, _payload(services, uploads, part))
    except BaseException as failure:
        discard_after(services, keys_in(made.values()), failure)
        raise
    return Uploads(context, data_key, uploads.aead, made)


def _payload(services: Services, uploads: Uploads, part: SealedPart) -> Iterator[bytes]:
    context = uploads.context.for_part(part.name)
    keys = derive_part_keys(uploads.data_key, context, uploads.aead)
    return open_stream(ciphertext_of(services, part), keys, context)


class Kept:
    """A context manager around one write."""

    def __init__(self, services: Services, uploads: Uploads | None = None) -> None:
        self._services = services
        self._keys = set() if uploads is None else keys_in(uploads.parts.values())

    def note(self, sealed: SealedRecord) -> None:
        """A version was sealed, and may get its row."""
        self._keys |= keys_in(sealed.parts)

    def __enter__(self) -> Kept:
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

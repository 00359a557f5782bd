"""Large sealed bytes outside of the database: in a directory, or in any store that ``obstore`` speaks to.

Objects are written once under random names and never changed. A row of the database names an object only
after ``put`` has returned; an object that no row names is garbage, and is swept.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from urllib.parse import unquote, urlsplit

import obstore
from obstore.exceptions import BaseError
from obstore.store import LocalStore, ObjectStore, from_url

from cityledger.errors import ConfigurationError, NotFoundError, StorageFullError, UnavailableError

CHUNK_BYTES = 1_048_576
_CONCURRENT = 2
_FULL = ("StorageFull", "QuotaExceeded", "No space left", "os error 28", "os error 122")


@dataclass(frozen=True, slots=True)
class StoredObject:
    key: str
    sealed_bytes: int
    written_at: datetime


class Objects:
    """One object store. Everything here streams; no call holds more than a few megabytes."""

    def __init__(self, store: ObjectStore, folder: Path | None) -> None:
        self._store = store
        self._folder = folder

    @classmethod
    def open(cls, url: str) -> Objects:
        """``file:///folder`` (made where it is missing), or e.g. ``s3://bucket/prefix`` with credentials
        from the environment.

        Raises:
            ConfigurationError: no such kind of store, or the folder cannot be made.
        """
        try:
            if urlsplit(url).scheme == "file":
                folder = Path(unquote(urlsplit(url).path))
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
                return cls(LocalStore(prefix=folder), folder)
            return cls(from_url(url), None)
        except (BaseError, OSError, ValueError) as error:
            kind = urlsplit(url).scheme or "no scheme"
            raise ConfigurationError(f"object_store_url ({kind}) cannot be opened: {_told(error)}") from error

    def put(self, key: str, chunks: Iterable[bytes]) -> int:
        """Writes a new object; it is durable when this returns. Returns its length in bytes.

        Raises:
            StorageFullError: there is no room; nothing is left behind.
            UnavailableError: the store does not take it; nothing is left behind.
            Exception: whatever ``chunks`` raises; nothing is left behind.
        """
        counted = _Counted(chunks)
        try:
            obstore.put(
                self._store,
                key,
                counted,
                mode="overwrite",
                use_multipart=True,
                chunk_size=5 * CHUNK_BYTES,
                max_concurrency=_CONCURRENT,
            )
            self._sync(key)
        except (BaseError, OSError) as error:
            if error is counted.raised:
                raise
            raise _failure(error) from error
        return counted.total

    def get(self, key: str) -> Iterator[bytes]:
        """The object's bytes in chunks.

        Raises:
            NotFoundError: there is no such object.
            UnavailableError: it cannot be read now.
        """
        try:
            yield from (bytes(chunk) for chunk in obstore.get(self._store, key).stream(CHUNK_BYTES))
        except FileNotFoundError as error:
            raise NotFoundError("object") from error
        except (BaseError, OSError) as error:
            raise UnavailableError(f"the object store cannot be read: {_told(error)}") from error

    def delete(self, key: str) -> None:
        """Removes an object; removing what is not there does nothing.

        Raises:
            UnavailableError: the store does not answer.
        """
        try:
            obstore.delete(self._store, key)
        except FileNotFoundError:
            return
        except (BaseError, OSError) as error:
            raise UnavailableError(f"the object store cannot be changed: {_told(error)}") from error

    def list(self, prefix: str) -> Iterator[StoredObject]:
        """Every object below a prefix, which ends at a slash.

        Raises:
            UnavailableError: the store does not answer.
        """
        try:
            for group in obstore.list(self._store, prefix):
                for held in group:
                    yield StoredObject(held["path"], held["size"], held["last_modified"])
        except (BaseError, OSError) as error:
            raise UnavailableError(f"the object store cannot be listed: {_told(error)}") from error

    def _sync(self, key: str) -> None:
        """A directory's file is durable once it and the names that lead to it are; other stores say so
        themselves."""
        if self._folder is None:
            return
        path = self._folder / key
        while path != self._folder.parent:
            handle = os.open(path, os.O_RDONLY)
            try:
                os.fsync(handle)
            finally:
                os.close(handle)
            path = path.parent


class _Counted:
    """Counts what passes, and remembers what the source raised, to tell it from the store's own failures."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks = chunks
        self.total = 0
        self.raised: BaseException | None = None

    def __iter__(self) -> Iterator[bytes]:
        try:
            for chunk in self._chunks:
                self.total += len(chunk)
                yield chunk
        except BaseException as error:
            self.raised = error
            raise


def _failure(error: Exception) -> UnavailableError:
    told = _told(error)
    if any(word in str(error) for word in _FULL):
        return StorageFullError("the object store is full; nothing was written")
    return UnavailableError(f"the object store does not take it: {told}")


def _told(error: Exception) -> str:
    """The kind only: messages of stores hold paths, buckets and debug text."""
    return type(error).__name__

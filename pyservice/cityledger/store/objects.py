"""Large sealed bytes outside of the database: in a directory, or in any store that ``obstore`` supports.

Objects are written once under random names and never changed. A row of the database names an object only
after ``put`` has returned; an object that no row names is garbage, and is swept. Tombstones and revocation
lists are different: they have names of their own and are never swept.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import unquote, urlsplit

import obstore
from obstore.exceptions import BaseError
from obstore.store import LocalStore, ObjectStore, from_url

from cityledger.errors import ConfigurationError, NotFoundError, StorageFullError, UnavailableError
from cityledger.sealing.private_files import make_private_directory
from cityledger.store.pipe import Pipe, in_thread

_MARGIN = timedelta(seconds=1)
"""File systems use a coarser clock than processes."""
_SKEW = timedelta(days=1)
"""Maximum skew of another machine's clock."""
CHUNK_BYTES = 1_048_576
_CONCURRENT = 2
_WAITING = 4
_UNFINISHED = re.compile(r"(.+)#[0-9]+")
"""Name of a file in a directory until it is complete; a listing ignores it."""
_FULL = ("StorageFull", "QuotaExceeded", "No space left", "os error 28", "os error 122")


@dataclass(frozen=True, slots=True)
class StoredObject:
    key: str
    sealed_bytes: int
    written_at: datetime


class Objects:
    """One object store. Every call streams, and holds at most a few megabytes."""

    def __init__(self, store: ObjectStore, folder: Path | None) -> None:
        self._store = store
        self._folder = folder

    @classmethod
    def open(cls, url: str) -> Objects:
        """Opens ``file:///folder`` (created if missing), or e.g. ``s3://bucket/prefix`` with credentials
        from the environment.

        Raises:
            ConfigurationError: the kind of store is not supported, or the folder cannot be created.
        """
        try:
            if urlsplit(url).scheme == "file":
                folder = Path(unquote(urlsplit(url).path))
                make_private_directory(folder)
                return cls(LocalStore(prefix=folder), folder)
            return cls(from_url(url), None)
        except (BaseError, OSError, ValueError) as error:
            kind = urlsplit(url).scheme or "no scheme"
            raise ConfigurationError(
                f"object_store_url ({kind}) cannot be opened: {_kind_of(error)}"
            ) from error

    def put(self, key: str, chunks: Iterable[bytes]) -> int:
        """Writes a new object; it is durable when this returns. Returns its length in bytes.

        Raises:
            StorageFullError: the store is full; nothing is left behind.
            UnavailableError: the store did not accept it; nothing is left behind.
            Exception: whatever ``chunks`` raises; nothing is left behind.
        """
        pipe = Pipe(_WAITING)
        # The library must not read the next chunk itself: it would do so from inside its own runtime,
        # where a source that reads another object fails.
        writing = in_thread(lambda: self._write(key, pipe))
        try:
            pipe.fill(chunks)
        finally:
            failure = writing()
        if failure is not None:
            raise _failure(failure) from failure
        return pipe.total

    def _write(self, key: str, pipe: Pipe) -> None:
        try:
            obstore.put(
                self._store,
                key,
                pipe,
                mode="overwrite",
                use_multipart=True,
                chunk_size=5 * CHUNK_BYTES,
                max_concurrency=_CONCURRENT,
            )
            self._sync(key)
        finally:
            pipe.close()

    def get(self, key: str) -> Iterator[bytes]:
        """The object's bytes in chunks.

        Raises:
            NotFoundError: the object does not exist.
            UnavailableError: it cannot be read now.
        """
        try:
            yield from (bytes(chunk) for chunk in obstore.get(self._store, key).stream(CHUNK_BYTES))
        except FileNotFoundError as error:
            raise NotFoundError("object") from error
        except (BaseError, OSError) as error:
            raise UnavailableError(f"the object store cannot be read: {_kind_of(error)}") from error

    def head(self, key: str, length: int) -> bytes:
        """The first ``length`` bytes of an object that is at least that long.

        Raises: as ``get``.
        """
        try:
            return bytes(obstore.get_range(self._store, key, start=0, length=length))
        except FileNotFoundError as error:
            raise NotFoundError("object") from error
        except (BaseError, OSError, ValueError) as error:
            raise UnavailableError(f"the object store cannot be read: {_kind_of(error)}") from error

    def delete(self, key: str) -> None:
        """Removes an object; does nothing if it does not exist.

        Raises:
            UnavailableError: the store does not answer.
        """
        try:
            obstore.delete(self._store, key)
        except FileNotFoundError:
            return
        except (BaseError, OSError) as error:
            raise UnavailableError(f"the object store cannot be changed: {_kind_of(error)}") from error

    def list(self, prefix: str) -> Iterator[StoredObject]:
        """Every object below a prefix, which ends with a slash.

        Raises:
            UnavailableError: the store does not answer.
        """
        try:
            for group in obstore.list(self._store, prefix):
                for entry in group:
                    yield StoredObject(entry["path"], entry["size"], entry["last_modified"])
        except (BaseError, OSError) as error:
            raise UnavailableError(f"the object store cannot be listed: {_kind_of(error)}") from error

    def sweep(self, prefix: str, before: datetime, is_named: Callable[[str], bool]) -> int:
        """Removes what an earlier process left below a prefix, which ends with a slash; returns their number.

        That is every object that no row names and that was written before that time, and in a directory
        also every unfinished file.

        Raises: as ``delete``.
        """
        before -= _MARGIN if self._folder is not None else _SKEW
        left = [one.key for one in self.list(prefix) if one.written_at < before and not is_named(one.key)]
        for key in left:
            self.delete(key)
        return len(left) + self._sweep_unfinished(prefix, before)

    def _sweep_unfinished(self, prefix: str, before: datetime) -> int:
        # In a bucket, a rule of the bucket itself removes uploads that were never completed.
        below = None if self._folder is None else self._folder / prefix
        if below is None or not below.is_dir():
            return 0
        left = [
            path for path in below.rglob("*") if _UNFINISHED.fullmatch(path.name) and _is_older(path, before)
        ]
        for path in left:
            path.unlink(missing_ok=True)
        return len(left)

    def _sync(self, key: str) -> None:
        """Makes a directory's file durable, which needs its parent folders synced too; other stores are
        durable when they answer."""
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


def _is_older(path: Path, before: datetime) -> bool:
    try:
        return datetime.fromtimestamp(path.stat().st_mtime, UTC) < before
    except FileNotFoundError:
        return False


def _failure(error: BaseException) -> UnavailableError:
    reason = _kind_of(error)
    if any(word in str(error) for word in _FULL):
        return StorageFullError("the object store is full; nothing was written")
    return UnavailableError(f"the object store did not accept the object: {reason}; try again")


def _kind_of(error: BaseException) -> str:
    """The class of the error only: messages of stores hold paths, buckets and debug text."""
    return type(error).__name__

"""The objects that a write has made so far: at its end the version needs them, or they are removed."""

from __future__ import annotations

from types import TracebackType

from cityledger.exchange.placing import discard, discard_after, keys_in
from cityledger.exchange.services import Services
from cityledger.exchange.uploads import Uploads
from cityledger.store.records import SealedRecord


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

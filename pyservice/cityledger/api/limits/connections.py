"""The open connections of a server, which are limited in number: in all, and of each address."""

from __future__ import annotations

from collections import Counter, OrderedDict
from typing import Protocol

from cityledger.api.limits.addresses import address_key, is_trusted
from cityledger.settings.networks import Networks


class Closable(Protocol):
    """A connection. Compared by identity."""

    def drop(self) -> None:
        """Closes it: another connection needs its place."""

    def expire(self, now: float) -> None:
        """Closes it if one of its time limits has passed. ``now`` is the event loop's time."""


class Connections:
    """Not thread-safe: used by the event loop only. Where a limit is reached, the connection that has waited
    the longest without a complete request gives its place to a new one, of the same address if that address
    is at its limit; connections with a request in progress keep theirs. ``proxies`` have no limit of their
    own: all their clients come from one address.
    """

    def __init__(self, most: int, most_each: int, proxies: Networks = ()) -> None:
        self._most = most
        self._most_each = most_each
        self._proxies = proxies
        self._address: dict[Closable, str] = {}
        self._each: Counter[str] = Counter()
        self._waiting: OrderedDict[Closable, None] = OrderedDict()

    def __len__(self) -> int:
        return len(self._address)

    def admit(self, connection: Closable, address: str) -> bool:
        """Adds a connection that waits for its first request; False if the limits are reached and no other
        waits."""
        key = address_key(address)
        is_limited = not is_trusted(address, self._proxies)
        if is_limited and self._each[key] >= self._most_each and not self._make_place(key):
            return False
        if len(self) >= self._most and not self._make_place(None):
            return False
        self._address[connection] = key
        self._each[key] += 1
        self._waiting[connection] = None
        return True

    def is_busy(self, connection: Closable) -> None:
        """A complete request has come: the connection keeps its place until it waits again."""
        self._waiting.pop(connection, None)

    def waits(self, connection: Closable) -> None:
        """The connection's request is answered."""
        if connection in self._address:
            self._waiting[connection] = None

    def forget(self, connection: Closable) -> None:
        """Idempotent."""
        key = self._address.pop(connection, None)
        self._waiting.pop(connection, None)
        if key is not None:
            self._each[key] -= 1
            if not self._each[key]:
                del self._each[key]

    def expire(self, now: float) -> None:
        for connection in list(self._address):
            connection.expire(now)

    def _make_place(self, key: str | None) -> bool:
        fitting = (one for one in self._waiting if key in (None, self._address[one]))
        oldest = next(fitting, None)
        if oldest is None:
            return False
        self.forget(oldest)
        oldest.drop()
        return True

"""Refusal of network sockets, so that a unit test depends on no port, no server and no name service.

Sockets of C libraries are not seen: libpq's connections to the PostgreSQL of the tests pass.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from ipaddress import ip_address
from typing import Any
from unittest.mock import patch

import pytest

_INTERNET = frozenset({socket.AF_INET, socket.AF_INET6})
_METHODS = ("bind", "connect", "connect_ex", "sendto")
"""The calls that name an address, always as their last argument; AF_UNIX sockets may make them."""


@contextmanager
def guarded_sockets(*, allows_loopback: bool) -> Iterator[None]:
    """Fails the test at each call with an Internet address, or at each that is not of loopback."""

    def check(call: str, host: object) -> None:
        if not (allows_loopback and _is_loopback(host)):
            # Not an OSError: the code under test would take it for a server that does not answer.
            pytest.fail(
                f"socket.{call} to {host!r} in a unit test. Use a transport in memory, mark the test "
                'with loopback(reason="…") if a real socket is its subject, or move it to tests/integration.'
            )

    with ExitStack() as stack:
        for name in _METHODS:
            stack.enter_context(patch.object(socket.socket, name, _guarded(name, check)))
        stack.enter_context(patch.object(socket, "getaddrinfo", _guarded_lookup(check)))
        yield


def _guarded(name: str, check: Callable[[str, object], None]) -> Callable[..., Any]:
    original = getattr(socket.socket, name)

    def call(self: socket.socket, *arguments: Any) -> Any:
        if self.family in _INTERNET:
            check(name, arguments[-1][0])
        return original(self, *arguments)

    return call


def _guarded_lookup(check: Callable[[str, object], None]) -> Callable[..., Any]:
    original = socket.getaddrinfo

    def call(host: bytes | str | None, *arguments: Any, **named: Any) -> Any:
        check("getaddrinfo", host)
        return original(host, *arguments, **named)

    return call


def _is_loopback(host: object) -> bool:
    """Also of 0.0.0.0 and ::, where a server listens on loopback among others."""
    text = host.decode() if isinstance(host, bytes) else host
    if not isinstance(text, str):
        return False
    try:
        address = ip_address(text)
    except ValueError:
        return text == "localhost"
    return address.is_loopback or address.is_unspecified

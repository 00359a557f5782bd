"""Clients that hang up before their request is read: noticed without reading a byte of its body."""

from __future__ import annotations

import asyncio
from typing import Any

from starlette.requests import Request

_KEY = "hung_up"


def announce(state: dict[str, Any], event: asyncio.Event) -> None:
    """Adds to a request's ASGI ``state`` the event that its connection sets when it is lost."""
    state[_KEY] = event


def hung_up(request: Request) -> asyncio.Event:
    """Set once the connection is lost. A server that reads no more of a long body that nothing takes (64 KiB
    are buffered) notices it only afterwards; another server than ours never says so.
    """
    event: asyncio.Event = getattr(request.state, _KEY, None) or asyncio.Event()
    return event

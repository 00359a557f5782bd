"""Functions that wait differently in the two clients: each has a counterpart without ``async`` in its
name."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import ParamSpec, TypeVar

import anyio
import anyio.to_thread

P = ParamSpec("P")
T = TypeVar("T")

Lock = threading.Lock
AsyncLock = anyio.Lock

sleep = time.sleep
async_sleep = anyio.sleep


def call(function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
    """The result of ``function`` with these arguments, called in this thread."""
    return function(*args, **kwargs)


async def async_call(function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
    """The result of ``function``, which computes for long or uses a network, from a thread outside the event
    loop."""
    return await anyio.to_thread.run_sync(lambda: function(*args, **kwargs))

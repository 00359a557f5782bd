"""What waits differently in the two clients: each name here has its twin without ``async`` in it."""

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
    """``function`` with these arguments, here and now."""
    return function(*args, **kwargs)


async def async_call(function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
    """``function``, which takes its time or asks a network, in a thread beside the event loop."""
    return await anyio.to_thread.run_sync(lambda: function(*args, **kwargs))

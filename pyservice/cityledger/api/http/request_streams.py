"""Bodies that are too long for memory: passed on in chunks, in constant memory."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack
from typing import TypeVar

from anyio import CancelScope, CapacityLimiter, create_task_group, move_on_after, to_thread
from fastapi import Request
from starlette.requests import ClientDisconnect

from cityledger.api.http.hanging_up import hung_up
from cityledger.api.http.pace import Pace, paced
from cityledger.errors import BusyError, InputError, TooLargeError
from cityledger.types import AgencyId

T = TypeVar("T")
AT_ONCE = 8
"""Maximum number of bodies received concurrently; more wait, so that ordinary requests keep their threads."""
WAIT_SECONDS = 10.0
"""Longest wait of a body for its turn. Shorter than clients wait for an answer, which is 30 s for the SDK."""


class Uploads:
    """Receives long bodies, each in a thread of its own. At most half of them are of one agency at a time: an
    agency that sends slowly must not prevent the others from sending.
    """

    def __init__(self, at_once: int = AT_ONCE, wait_seconds: float = WAIT_SECONDS) -> None:
        self._at_once = at_once
        self._wait_seconds = wait_seconds
        self._places: CapacityLimiter | None = None
        self._each: dict[AgencyId, CapacityLimiter] = {}

    async def receive(
        self,
        request: Request,
        sender: AgencyId,
        limit: int,
        pace: Pace,
        take: Callable[[Iterator[bytes]], T],
    ) -> T:
        """What ``take`` returns; it gets the body in chunks and may block for any time. ``sender`` is the
        caller's agency. Only the time that the node waits for the body counts for its ``pace``. Until
        ``take`` is called, no byte of the body is read.

        Raises:
            BusyError: other bodies occupied all places for ``wait_seconds``; ``take`` was not called.
        Raises, also into ``take``:
            TooLargeError: more than ``limit`` bytes.
            InputError: the body was cut off.
            StalledBodyError: the body arrives too slowly.
        """
        verify_declared_length(request, limit)
        loop = asyncio.get_running_loop()
        async with AsyncExitStack() as places:
            await self._wait(places, sender, hung_up(request))
            # A separate limiter, which is always free: the default one is for ordinary requests.
            return await to_thread.run_sync(
                lambda: take(_chunks(request, loop, limit, pace)), limiter=CapacityLimiter(1)
            )

    async def _wait(self, places: AsyncExitStack, sender: AgencyId, gone: asyncio.Event) -> None:
        """Enters a place of the sender and one of all; ``places`` releases both."""
        with move_on_after(self._wait_seconds) as patience:
            async with create_task_group() as tasks:
                tasks.start_soon(_cancel_once, gone, tasks.cancel_scope)
                await places.enter_async_context(self._each_of(sender))
                await places.enter_async_context(self._all())
                tasks.cancel_scope.cancel()
                return
        if gone.is_set():
            raise InputError("", "the body was cut off")
        assert patience.cancelled_caught
        raise BusyError("other long bodies are being received; try again")

    def _all(self) -> CapacityLimiter:
        if self._places is None:  # it belongs to the event loop of the server
            self._places = CapacityLimiter(self._at_once)
        return self._places

    def _each_of(self, sender: AgencyId) -> CapacityLimiter:
        return self._each.setdefault(sender, CapacityLimiter(max(1, self._at_once // 2)))


async def _cancel_once(event: asyncio.Event, scope: CancelScope) -> None:
    await event.wait()
    scope.cancel()


def verify_declared_length(request: Request, limit: int) -> None:
    """Rejects a body by its ``Content-Length``, before a byte of it is read.

    Raises:
        TooLargeError: more than ``limit`` bytes.
    """
    declared = request.headers.get("content-length", "0")
    if declared.isascii() and declared.isdigit() and int(declared) > limit:
        raise TooLargeError("", f"the body has {declared} bytes; at most {limit} are accepted")


def _chunks(request: Request, loop: asyncio.AbstractEventLoop, limit: int, pace: Pace) -> Iterator[bytes]:
    stream = paced(request.stream(), pace)

    async def following() -> bytes | None:
        return await anext(stream, None)

    total = 0
    while True:
        # By the loop rather than by anyio's portal: an object store may pull chunks from a thread of its own.
        waiting = asyncio.run_coroutine_threadsafe(following(), loop)
        try:
            chunk = waiting.result()
        except ClientDisconnect:
            raise InputError("", "the body was cut off") from None
        if chunk is None:
            return
        total += len(chunk)
        if total > limit:
            raise TooLargeError("", f"the body is longer than {limit} bytes")
        if chunk:
            yield chunk

"""Bodies that are too long to hold: passed on as they come, in constant memory."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import TypeVar

from anyio import CapacityLimiter, to_thread
from fastapi import Request
from starlette.requests import ClientDisconnect

from cityledger.api.limits.pace import Pace, paced
from cityledger.errors import InputError, TooLargeError
from cityledger.types import AgencyId

T = TypeVar("T")
AT_ONCE = 8
"""Bodies received at a time; more wait, so that ordinary requests keep their threads."""


class Uploads:
    """Receives long bodies, each in a thread of its own kind. No more than half of those at a time are of one
    agency: one that sends slowly must not keep all others from sending.
    """

    def __init__(self, at_once: int = AT_ONCE) -> None:
        self._at_once = at_once
        self._limiter: CapacityLimiter | None = None
        self._each: dict[AgencyId, CapacityLimiter] = {}

    async def receive(
        self,
        request: Request,
        sender: AgencyId,
        limit: int,
        pace: Pace,
        take: Callable[[Iterator[bytes]], T],
    ) -> T:
        """What ``take`` returns; it gets the body in chunks and may wait as long as it likes. ``sender`` is
        the caller's agency. Only the time that the node waits for the body counts for its ``pace``.

        Raises, also into ``take``:
            TooLargeError: more than ``limit`` bytes.
            InputError: the body was cut off.
            StalledBodyError: the body comes too slowly.
        """
        _verify_told_length(request, limit)
        if self._limiter is None:  # it belongs to the loop that serves
            self._limiter = CapacityLimiter(self._at_once)
        loop = asyncio.get_running_loop()
        each = self._each.setdefault(sender, CapacityLimiter(max(1, self._at_once // 2)))
        async with each:
            return await to_thread.run_sync(
                lambda: take(_chunks(request, loop, limit, pace)), limiter=self._limiter
            )


def _verify_told_length(request: Request, limit: int) -> None:
    told = request.headers.get("content-length", "0")
    if told.isascii() and told.isdigit() and int(told) > limit:
        raise TooLargeError("", f"a body of {told} bytes, at most {limit} are taken")


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

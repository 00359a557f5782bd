"""The faults of an RPC endpoint, and the JSON of requests and answers."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import Any

Request = dict[str, Any]
Answer = dict[str, Any]
Lie = Callable[[Request, Answer], Answer]
"""Makes another answer of the true one."""


class Fault(StrEnum):
    DROP_BEFORE = "drop before"
    """Closes without an answer; the request does not reach the chain."""
    DROP_AFTER = "drop after"
    """Forwards, then closes without the answer."""
    DELAY = "delay"
    DUPLICATE = "duplicate"
    """Forwards twice and answers with the second answer."""
    TOO_MANY = "429"
    SERVER_ERROR = "502"
    TRUNCATED = "truncated"
    """Half of the answer's JSON, as a whole HTTP answer."""
    MISSING_ITEM = "missing item"
    """A batch's answer lacks its last item."""
    OTHER_CHAIN = "other chain"
    """Everything is asked of ``other_url``; without one, only eth_chainId lies."""
    LAGGING = "lagging"
    """Answers from the state of ``lag_blocks`` ago."""
    MISSING_LOGS = "missing logs"
    """eth_getLogs succeeds with an empty list."""
    MISSING_RANGE_LOGS = "missing range logs"
    """As ``MISSING_LOGS``, but a block asked by hash is answered in full."""
    NO_RECEIPTS = "no receipts"
    """Refuses eth_getBlockReceipts, as endpoints without that method do."""
    DEEP = "deep"
    """JSON nested deeper than a parser accepts, as a whole HTTP answer."""
    SILENT = "silent"
    """Accepts the request and sends nothing until the client closes the connection."""
    NO_RANGES = "no ranges"
    """Refuses eth_getLogs over more than one block."""


PASSING = (
    Fault.DROP_BEFORE,
    Fault.DROP_AFTER,
    Fault.DELAY,
    Fault.DUPLICATE,
    Fault.TOO_MANY,
    Fault.SERVER_ERROR,
    Fault.TRUNCATED,
    Fault.MISSING_ITEM,
    Fault.LAGGING,
)
"""What every endpoint does at times. No client may lose anything by them, in whatever order they come."""


def result_of(request: Request, result: Any) -> Answer:
    return {"jsonrpc": "2.0", "id": request["id"], "result": result}


def refusal_of(request: Request, message: str) -> Answer:
    return {"jsonrpc": "2.0", "id": request["id"], "error": {"code": -32000, "message": message}}


def unknown_block(request: Request) -> Answer:
    return refusal_of(request, "unknown block")

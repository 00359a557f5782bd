"""Checks of the chain: the endpoints answer, serve the right chain, make blocks, and can be paid."""

from __future__ import annotations

import time
from dataclasses import dataclass

import sqlalchemy as sa

from cityledger.chain.rpc.endpoint import Endpoint, connect, masked
from cityledger.checks.result import Observation
from cityledger.errors import CheckFailedError, CityledgerError
from cityledger.store.engine.database import Database

PROBE_SECONDS = 3.0
SKEW_SECONDS = 5
"""Maximum difference of two clocks that are kept by NTP."""
FEW_TRANSACTIONS_GAS = 1_000_000
MANY_WAITING = 16
"""More unmined transactions of the operator mean that one is stuck."""


@dataclass(frozen=True, slots=True)
class Probe:
    """One URL. ``head`` is the number of its newest block, None where the URL is unusable; ``outcome`` says
    why."""

    shown: str
    head: int | None
    outcome: str


def observe_endpoints(rpc_url: str, chain_id: int) -> Observation:
    """Each URL answers and serves the chain."""
    probes = probe_all(rpc_url, chain_id)
    heads = [probe.head for probe in probes if probe.head is not None]
    detail = "; ".join(f"{probe.shown}: {probe.outcome}" for probe in probes)
    count = f"{len(heads)} of {len(probes)} answer"
    if len(heads) < len(probes):
        raise CheckFailedError(count, detail=detail, vital=not heads)
    return Observation(detail, count)


def observe_clocks(head_time: int, now: float, database: Database) -> str:
    """This machine's clock against the chain's newest block and against the database's clock."""
    ahead = head_time - now
    if ahead > SKEW_SECONDS:
        raise CheckFailedError(f"the chain's head is {ahead:.0f} s ahead of this machine's clock")
    skew = _database_skew(database)
    if abs(skew) > SKEW_SECONDS:
        raise CheckFailedError(f"the database's clock is {skew:+.0f} s from this machine's", vital=False)
    return "this machine, the chain and the database agree on the time"


def observe_fresh_head(head_time: int, now: float, limit_seconds: float) -> str:
    """The chain makes blocks."""
    age = now - head_time
    if age > limit_seconds:
        raise CheckFailedError(f"the chain's head is {age:.0f} s old; reads stop")
    return f"the chain's head is {max(age, 0):.0f} s old"


def observe_funds(endpoint: Endpoint, operator: str) -> Observation:
    """The operator can pay for a few anchoring transactions."""
    balance, price = (
        int(one, 16)
        for one in endpoint.request_many([("eth_getBalance", [operator, "latest"]), ("eth_gasPrice", [])])
    )
    shown = f"{balance / 10**18:.6f}"
    if balance < price * FEW_TRANSACTIONS_GAS:
        raise CheckFailedError("not enough for a few anchoring transactions", detail=f"{shown}: not enough")
    return Observation(shown, "enough for anchoring")


def observe_nonce(endpoint: Endpoint, operator: str) -> str:
    """No transaction of the operator is stuck in front of others."""
    mined, known = (
        int(one, 16)
        for one in endpoint.request_many(
            [("eth_getTransactionCount", [operator, at]) for at in ("latest", "pending")]
        )
    )
    if known - mined > MANY_WAITING:
        raise CheckFailedError(f"{known - mined} transactions wait from nonce {mined}")
    return f"{mined} mined, {max(known - mined, 0)} waiting"


def head_time(endpoint: Endpoint) -> int:
    """Unix seconds of the newest block."""
    return int(endpoint.head()["timestamp"], 16)


def probe_all(rpc_url: str, chain_id: int) -> list[Probe]:
    """Each URL of ``rpc_url``, in its order."""
    return [_probe(url.strip(), chain_id) for url in rpc_url.split(",") if url.strip()]


def _probe(url: str, chain_id: int) -> Probe:
    shown = masked(url)
    try:
        head = int(connect(url, chain_id, timeout_seconds=PROBE_SECONDS).request("eth_blockNumber"), 16)
    except CityledgerError as error:
        return Probe(shown, None, str(error) or type(error).__name__)
    return Probe(shown, head, f"block {head}")


def _database_skew(database: Database) -> float:
    """Seconds; SQLite has no clock of its own."""
    if database.engine.dialect.name == "sqlite":
        return 0.0
    query = sa.text("SELECT extract(epoch FROM clock_timestamp()) - :now")
    with database.reading() as connection:
        return float(connection.execute(query, {"now": time.time()}).scalar_one())

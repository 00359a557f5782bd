"""Records per second from accepted to anchored, and gas per record, against clients that send one
transaction a record.

All sides run in one process against one devnet at one-second blocks, in turn, round after round, so that a
machine that slows down slows all of them; quote the ratios, not the figures. ``python bench/anchoring.py
--help`` lists the options.

- *cityledger*: seals, stores durably, batches, and anchors by Merkle root; done when the last record's
batch is indexed as mined. - *naive, pipelined*: web3.py, hashes the payload and sends a transaction for
each record without waiting. - *naive, waiting*: the same, but waits for each receipt before the
next, as most tutorials do.

Then a backlog of accepted records is anchored at each batch size, in a city of its own (``backlog.py``), with
the pipelined client in the same city.

The naive sides anchor on the same contract (a batch of one), but neither seal nor store anything: the
comparison favours them.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import platform
import statistics
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import sqlalchemy as sa
from backlog import Anchored, backlogged
from one_agency import AGENCY, NAIVE, STATE, Bench, running, session_of
from rich.progress import Progress
from web3 import Web3
from web3.types import Nonce

from cityledger.chain.abi.artifacts import load_artifact
from cityledger.errors import UnavailableError
from cityledger.exchange.access import Access, Intent, Target
from cityledger.exchange.parts.seal_version import Content
from cityledger.exchange.permits import request_permit
from cityledger.exchange.submit import Draft, submit
from cityledger.proofs.leaves import leaf_hash
from cityledger.sealing.record_ids import record_id
from cityledger.store.index.tables import idx_batch
from cityledger.types import OWN_DUTY, Action, Role

WRITERS = 8
OFFICER = session_of(Role.WRITER)


@dataclass(frozen=True, slots=True)
class Run:
    """One side, one round."""

    records: int
    seconds: float
    gas: int

    @property
    def per_second(self) -> float:
        return self.records / self.seconds

    @property
    def gas_per_record(self) -> float:
        return self.gas / self.records


def run_cityledger(bench: Bench, count: int, round_no: int) -> Run:
    """Submits from ``WRITERS`` threads, then waits until the index holds the last of them."""
    services = bench.node.services
    key = services.keys_of(AGENCY).record_key(bench.dataset)

    def write(number: int) -> int:
        record = record_id(key, f"{round_no}-{number}")
        access = Access(OFFICER, Intent(Action.WRITE, OWN_DUTY), Target(bench.dataset, record))
        draft = Draft(Content((), {"state": STATE}))
        return submit(services, request_permit(services, access), draft).seq

    before = _anchored(bench)
    started = time.perf_counter()
    with ThreadPoolExecutor(WRITERS) as pool:
        last = max(pool.map(write, range(count)))
    while _anchored(bench)[0] <= last:
        time.sleep(0.01)  # the index is the event; this only asks it
    seconds = time.perf_counter() - started
    transactions = _anchored(bench)[1] - before[1]
    receipts = [bench.node.sender.receipt(one) for one in transactions]
    return Run(count, seconds, sum(receipt.gas_used for receipt in receipts if receipt is not None))


def run_naive(bench: Bench, count: int, *, waits: bool) -> Run:
    """One transaction a record on a log of its own, signed and sent with web3.py."""
    web3 = Web3(Web3.HTTPProvider(bench.devnet.rpc_url))
    ledger = web3.eth.contract(
        Web3.to_checksum_address(bench.manifest.address("RecordLedger")),
        abi=load_artifact("RecordLedger").abi,
    )
    nonce = web3.eth.get_transaction_count(NAIVE.address)
    first = ledger.functions.logOf(bench.naive_log).call()[3]
    hashes = []
    started = time.perf_counter()
    for number in range(count):
        root = leaf_hash(hashlib.sha256(STATE + number.to_bytes(4, "big")).digest())
        transaction = ledger.functions.anchor([(bench.naive_log, first + number, 1, root)]).build_transaction(
            {"from": NAIVE.address, "nonce": Nonce(nonce + number), "gas": 150_000}
        )
        signed = NAIVE.sign_transaction(cast("dict[str, Any]", transaction))
        hashes.append(web3.eth.send_raw_transaction(signed.raw_transaction))
        if waits:
            web3.eth.wait_for_transaction_receipt(hashes[-1], poll_latency=0.01)
    receipts = [web3.eth.wait_for_transaction_receipt(sent, poll_latency=0.01) for sent in hashes]
    seconds = time.perf_counter() - started
    if any(receipt["status"] != 1 or not receipt["logs"] for receipt in receipts):
        raise SystemExit("a naive transaction failed: nothing was measured")
    return Run(count, seconds, sum(receipt["gasUsed"] for receipt in receipts))


def _anchored(bench: Bench) -> tuple[int, set[bytes]]:
    """The next number of the node's records log on the indexed chain, and the transactions that brought it
    there.
    """
    mine = (idx_batch.c.log == 1) & idx_batch.c.valid_to.is_(None)
    with bench.node.services.database.reading() as connection:
        rows = connection.execute(
            sa.select(idx_batch.c.first, idx_batch.c.size, idx_batch.c.tx_hash).where(mine)
        ).all()
    return max((row[0] + row[1] for row in rows), default=0), {row[2] for row in rows}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--records", type=int, default=2_000, help="a round, cityledger and pipelined (%(default)s)"
    )
    parser.add_argument("--waiting-records", type=int, default=5, help="a round, waiting (%(default)s)")
    parser.add_argument("--rounds", type=int, default=3, help="(%(default)s)")
    parser.add_argument(
        "--sizes", default="1,16,256,4096,65536", help="batch sizes for the backlog (%(default)s)"
    )
    parser.add_argument(
        "--backlog", type=int, default=131_072, help="most records in one; a size takes at most 400 batches"
    )
    options = parser.parse_args()
    sizes = [int(one) for one in options.sizes.split(",") if one]
    _print_backlogs(_measure_backlogs(sizes, options.backlog, options.rounds))
    if options.records == 0:
        return
    with tempfile.TemporaryDirectory() as folder, running(Path(folder)) as bench:
        _wait_until_ready(bench)
        _print(_measure(bench, options.records, options.waiting_records, options.rounds), options.rounds)


def _measure(bench: Bench, count: int, waiting: int, rounds: int) -> dict[str, list[Run]]:
    sides: dict[str, Callable[[int], Run]] = {
        "cityledger": lambda number: run_cityledger(bench, count, number),
        "naive, pipelined": lambda _number: run_naive(bench, count, waits=False),
        "naive, waiting": lambda _number: run_naive(bench, waiting, waits=True),
    }
    run_cityledger(bench, 50, 0)  # warm-up, not counted
    runs: dict[str, list[Run]] = {name: [] for name in sides}
    with Progress(transient=True) as progress:
        for number in progress.track(range(1, rounds + 1), description="measuring"):
            for name, side in sides.items():
                runs[name].append(side(number))
    return runs


Pair = tuple[Anchored, Run]
"""A backlog, and the pipelined client in the same city right after it."""
MAX_BATCHES = 400
NAIVE_RECORDS = 200


def _measure_backlogs(sizes: list[int], most: int, rounds: int) -> dict[int, list[Pair]]:
    runs: dict[int, list[Pair]] = {size: [] for size in sizes}
    with Progress(transient=True) as progress:
        for _ in progress.track(range(rounds), description="anchoring backlogs"):
            for size in sizes:
                with backlogged(size, min(size * MAX_BATCHES, most)) as (bench, anchor):
                    runs[size].append((anchor(), run_naive(bench, NAIVE_RECORDS, waits=False)))
    return runs


def _print_backlogs(runs: dict[int, list[Pair]]) -> None:
    print("a backlog, anchored; records/s until the last is mined; median (minimum to maximum)")
    for size, pairs in runs.items():
        ours, naive = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
        print(
            f"batches of {size:6,}: {_spread([one.per_second for one in ours])} records/s,"
            f" {_spread([one.gas_per_record for one in ours])} gas/record,"
            f" last final after {_spread([one.final_seconds for one in ours])} s;"
            f" {ours[0].records:,} records in {ours[0].batches} batches, {ours[0].transactions} transactions"
        )
        speed = _spread([a.per_second / b.per_second for a, b in pairs])
        gas = _spread([b.gas_per_record / a.gas_per_record for a, b in pairs])
        print(
            f"{'':19}against naive, pipelined ({_spread([one.per_second for one in naive])} records/s):"
            f" {speed} times the records/s, {gas} times less gas"
        )


def _wait_until_ready(bench: Bench) -> None:
    while True:
        try:
            run_cityledger(bench, 1, -1)
            return
        except UnavailableError:
            time.sleep(0.05)


def _print(runs: dict[str, list[Run]], rounds: int) -> None:
    machine = f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    print(f"{machine}, devnet at 1 s blocks; wall clock")
    print(f"{rounds} rounds after a warm-up; median (minimum to maximum) of the rounds")
    for name, side_runs in runs.items():
        speed, gas = (
            _spread([run.per_second for run in side_runs]),
            _spread([run.gas_per_record for run in side_runs]),
        )
        print(f"{name:18} {speed} records/s   {gas} gas/record   n={side_runs[0].records}")
    ours = runs["cityledger"]
    for name in list(runs)[1:]:
        pairs = list(zip(ours, runs[name], strict=True))
        speed = _spread([a.per_second / b.per_second for a, b in pairs])
        gas = _spread([b.gas_per_record / a.gas_per_record for a, b in pairs])
        print(f"against {name}: {speed} times the records/s, {gas} times less gas")


def _spread(values: list[float]) -> str:
    return f"{statistics.median(values):,.1f} ({min(values):,.1f} to {max(values):,.1f})"


if __name__ == "__main__":
    main()

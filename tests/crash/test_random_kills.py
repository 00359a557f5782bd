"""Nodes killed at random, under a mixed load, on a chain with reorgs, through a faulty endpoint: nothing that
was acknowledged is lost, and nothing is there twice.

CITYLEDGER_TEST_KILL_RUNS says how many runs (20 without it), CITYLEDGER_TEST_KILL_SEED where seeds begin.
"""

from __future__ import annotations

import contextlib
import os
import random
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from cityledger.devnet import Devnet
from crash.load import Gate, HeadClient, ImportingClient, LoadingClient, StewardClient
from crash.nursery import Nursery
from crash.oracle import Oracle
from crash.town import Town, copied_town
from crash.waiting import await_that
from support.chain.faulty_rpc import FaultyRpc, faulty_rpc
from support.chain.rpc_faults import PASSING, Fault
from support.store.databases import KINDS, fresh_database_url

RUNS = int(os.environ.get("CITYLEDGER_TEST_KILL_RUNS", "20"))
FIRST_SEED = int(os.environ.get("CITYLEDGER_TEST_KILL_SEED", "1"))
KILLS = 4
WORK = 12
"""Answers of any kind between a start and a kill."""
FAULTY_SHARE = 0.15
pytestmark = [pytest.mark.chain, pytest.mark.slow, pytest.mark.timeout(600)]


@dataclass
class Reorgs:
    """Replaces the newest blocks now and then; never one that the chain has called final."""

    town: Town
    sampler: random.Random
    count: int = 0

    @contextmanager
    def running(self) -> Iterator[None]:
        over = threading.Event()
        thread = threading.Thread(target=self._run, args=(over,), daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()

    def _run(self, over: threading.Event) -> None:
        while not over.wait(self.sampler.uniform(0.5, 3.0)):
            self.town.chain.reorg(self.sampler.choice([1, 1, 2]))
            self.count += 1


@pytest.mark.parametrize("seed", range(FIRST_SEED, FIRST_SEED + RUNS))
def test_killed_at_random_nothing_is_lost_and_nothing_is_there_twice(
    seed: int,
    founded: Path,
    tmp_path: Path,
    nursery: Nursery,
    monkeypatch: pytest.MonkeyPatch,
    record_property: Callable[[str, object], None],
) -> None:
    kind, endpoints = KINDS[seed % len(KINDS)], ENDPOINTS[seed // len(KINDS) % len(ENDPOINTS)]
    monkeypatch.setenv("CITYLEDGER_TEST_DATABASE", kind)
    url = fresh_database_url(tmp_path)
    with copied_town(founded, tmp_path, url, nursery) as town, endpoints(town, tmp_path) as rpc:
        town.node.set(batch_max_age_seconds=0.3, fee_bump_after_seconds=3.0)
        oracle = Oracle(town)
        counts = run_once(town, rpc, oracle, seed)
        oracle.close()
    record_property("run", f"{seed} on {kind}, {len(rpc)} endpoints")
    record_property("counts", dict(counts))


@contextmanager
def one_endpoint(town: Town, _folder: Path) -> Iterator[list[FaultyRpc]]:
    """It reports another chain's id now and then; anything else of another chain would be believed."""
    with faulty_rpc(town.devnet.rpc_url) as rpc:
        town.node.set(rpc_url=rpc.url)
        yield [rpc]


@contextmanager
def two_endpoints(town: Town, folder: Path) -> Iterator[list[FaultyRpc]]:
    """The first answers now and then for a longer chain that has the same id. Its socket announces blocks."""
    with (
        faulty_rpc(town.devnet.rpc_url) as first,
        faulty_rpc(town.devnet.rpc_url) as second,
        Devnet.start(folder / "other", block_time=0) as other,
    ):
        other.connect().request("anvil_mine", hex(1_000))
        first.other_url = other.rpc_url
        town.node.set(rpc_url=f"{first.url},{second.url}", ws_url=first.listen_socket())
        yield [first, second]


ENDPOINTS = (one_endpoint, two_endpoints)


def run_once(town: Town, rpc: Sequence[FaultyRpc], oracle: Oracle, seed: int) -> Counter[str]:
    sampler, gate = random.Random(seed), Gate()
    clients = [LoadingClient(town, gate, f"client{number}", seed) for number in range(2)]
    importing = ImportingClient(town, gate, "importing", seed)
    clients += [
        HeadClient(town, gate, "heads", seed),
        importing,
        StewardClient(town, gate, "steward", seed),
    ]
    reorgs = Reorgs(town, random.Random(f"reorgs {seed}"))
    for client in clients:
        client.start()
    for number, one in enumerate(rpc):
        one.schedule(seed + number, FAULTY_SHARE, PASSING if number else (*PASSING, Fault.OTHER_CHAIN))
    try:
        with reorgs.running():
            kill_again_and_again(town, gate, sampler, clients)
    finally:
        gate.end()
        for one in rpc:
            one.off()
        for client in clients:
            client.join()
    for client in clients:
        if client.failure is not None:
            raise client.failure
    return settle(town, rpc, oracle, clients, importing, reorgs)


def await_work(town: Town, clients: list[LoadingClient]) -> None:
    """Until any client got something done, so that a slow machine has no idle runs."""
    done = sum(sum(one.counts.values()) for one in clients)
    with contextlib.suppress(AssertionError):
        await_that(
            "the clients did something",
            lambda: sum(sum(one.counts.values()) for one in clients) > done + WORK or not town.node.is_alive,
            seconds=20,
        )


def kill_again_and_again(
    town: Town, gate: Gate, sampler: random.Random, clients: list[LoadingClient]
) -> None:
    """Half of the kills come while the node is starting, half while it serves."""
    while town.node.kills < KILLS:
        is_young = sampler.random() < 0.3
        town.node.start()
        if is_young:
            town.node.await_end_within(sampler.uniform(0.1, 0.8))
        elif town.node.is_ready_within(20.0):
            gate.open(town.node)
            await_work(town, clients)
            town.node.await_end_within(sampler.uniform(0.8, 4.0))
            gate.shut()
        town.node.kill_unless_ended()


def settle(
    town: Town,
    rpc: Sequence[FaultyRpc],
    oracle: Oracle,
    clients: list[LoadingClient],
    importing: ImportingClient,
    reorgs: Reorgs,
) -> Counter[str]:
    """The last start without faults: everything comes to rest, and the oracle judges it."""
    town.node.serve()
    oracle.await_anchored()
    verdict = oracle.judge(failed=None)
    log = town.node.log
    town.node.kill()
    counts: Counter[str] = Counter()
    for client in clients:
        counts.update({f"asked {name}": count for name, count in client.counts.items() if ":" not in name})
    counts["acknowledged writes"] = len(town.notes.written)
    counts["acknowledged erasures"] = len(town.notes.erased)
    counts["acknowledged rows"] = len(importing.rows)
    counts["released reads"] = len(town.notes.reads)
    counts["heads moved"] = sum(one.moved for one in clients if isinstance(one, HeadClient))
    counts["kills"] = town.node.kills
    counts["reorgs"] = reorgs.count
    counts["leaves"], counts["receipts"] = verdict.leaves, verdict.receipts
    counts["batches"], counts["transactions"] = verdict.batches, verdict.transactions
    counts["replacements"] = oracle.rows("SELECT count(*) FROM attempt WHERE replacement > 0")[0][0]
    counts["re-sent"] = log.count("attempt sent") - verdict.attempts
    counts["halts"] = 0  # judged above: no log is halted
    for one in rpc:
        counts.update({f"fault {name}": count for name, count in one.counts.items()})
    return counts

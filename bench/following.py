"""Time from a block to the index's cursor, polled and announced by a WebSocket; speed of catching up.

python bench/following.py
"""

from __future__ import annotations

import statistics
import tempfile
import threading
import time
from contextlib import closing
from pathlib import Path

from cityledger.chain.clock import ChainClock
from cityledger.chain.contracts import contracts_of
from cityledger.chain.deploy.deployment import Plan, deploy
from cityledger.chain.follower import Follower
from cityledger.chain.manifest import Manifest
from cityledger.chain.rpc.new_heads import NewHeads
from cityledger.chain.sender import Sender
from cityledger.chain.transactions import Call
from cityledger.devnet import Devnet, devnet_account
from cityledger.indexer.indexer import Indexer
from cityledger.store.engine.database import Database
from cityledger.store.engine.journal import Journal
from cityledger.store.engine.migrate import migrate
from cityledger.types import Address, BlockRef, purpose_from_name

POLL_SECONDS = 0.1
BLOCKS = 50
BACKLOG = 2_000


def main() -> None:
    with tempfile.TemporaryDirectory() as name, Devnet.start(Path(name) / "devnet", block_time=0) as devnet:
        endpoint = devnet.connect()
        council, guard = (Address(devnet_account(number).address) for number in (1, 2))
        path = Path(name) / "manifest.json"
        manifest = deploy(endpoint, devnet_account(0), Plan(council, guard, 0, 0), path)
        for is_announced in (False, True):
            measure(devnet, manifest, Path(name), is_announced=is_announced)
        for kind in ("empty", "with an event"):
            first = Sender(endpoint).head_number() + 1
            make_backlog(devnet, manifest, has_events=kind != "empty")
            catch_up(devnet, manifest, Path(name), first, kind)


def measure(devnet: Devnet, manifest: Manifest, folder: Path, *, is_announced: bool) -> None:
    arrived, stop = threading.Event(), threading.Event()
    with closing(Database(f"sqlite:///{folder}/{is_announced}.db")) as database:
        migrate(database)
        with closing(Journal(database)) as journal:
            heads: list[BlockRef] = []

            def on_commit(block: BlockRef) -> None:
                heads.append(block)
                arrived.set()

            new_heads = NewHeads(devnet.rpc_url.replace("http", "ws", 1), lambda: indexer.wake())
            indexer = Indexer(
                Follower(devnet.connect(), manifest),
                database,
                journal,
                ChainClock(),
                first_block=manifest.first_block,
                on_commit=on_commit,
                are_heads_announced=lambda: new_heads.is_up,
            )
            while indexer.step():
                pass
            loops = [threading.Thread(target=indexer.run, args=(stop, POLL_SECONDS))]
            if is_announced:
                loops.append(threading.Thread(target=new_heads.run, args=(stop,)))
            for loop in loops:
                loop.start()
            one_block(devnet, arrived)  # not counted: from now on the loops run
            seconds = [one_block(devnet, arrived) for _ in range(BLOCKS)]
            stop.set()
            indexer.wake()
            for loop in loops:
                loop.join()
    shown = "announced by a WebSocket" if is_announced else f"polled each {POLL_SECONDS:g} s"
    print(
        f"{shown}: median {statistics.median(seconds) * 1e3:.1f} ms, worst {max(seconds) * 1e3:.1f} ms "
        f"of {BLOCKS} blocks"
    )


def one_block(devnet: Devnet, arrived: threading.Event) -> float:
    time.sleep(0.037)  # out of step with the poll
    arrived.clear()
    begun = time.perf_counter()
    devnet.connect().request("evm_mine")
    arrived.wait(10)
    return time.perf_counter() - begun


def make_backlog(devnet: Devnet, manifest: Manifest, *, has_events: bool) -> None:
    endpoint = devnet.connect()
    if not has_events:
        endpoint.request("anvil_mine", hex(BACKLOG))
        return
    sender, council = Sender(endpoint), devnet_account(1)
    catalog = contracts_of(endpoint, manifest).catalog
    for number in range(BACKLOG):
        call = catalog.add_purpose(purpose_from_name(f"P_{number}"))
        sender.transact(council, Call(call.to, call.data, call.what, gas=200_000))


def catch_up(devnet: Devnet, manifest: Manifest, folder: Path, first: int, kind: str) -> None:
    """Of ``BACKLOG`` blocks, with every one of them new to the index."""
    with closing(Database(f"sqlite:///{folder}/late-{first}.db")) as database:
        migrate(database)
        with closing(Journal(database)) as journal:
            follower = Follower(devnet.connect(), manifest)
            indexer = Indexer(follower, database, journal, ChainClock(), first_block=first)
            begun = time.perf_counter()
            while indexer.step():
                pass
            seconds = time.perf_counter() - begun
    print(
        f"caught up with {BACKLOG} blocks {kind} in {seconds:.1f} s: {BACKLOG / seconds:.0f} blocks a second"
    )


if __name__ == "__main__":
    main()

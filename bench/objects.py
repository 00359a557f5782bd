"""One object of 1 GiB into a node and out of it again, over real HTTP, with the node's memory watched.

The node runs in a process of its own, with a devnet, SQLite and a directory as object store. The object is
made while it is sent, and hashed while it comes back: neither side has it in memory or in a plain file.
Before and after, the machine hashes a fixed amount of bytes, which shows how much else it was doing.

Fails where what comes back is not what was sent, or where the node's memory grew with the object.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import BinaryIO, cast

import psutil
from one_agency import opened, session_of
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

from cityledger.client import AccessContext, Client
from cityledger.node.serving import ServedNode
from cityledger.profiles import registry
from cityledger.store.sessions.tokens import add_token
from cityledger.types import DatasetId, Role

MIB = 1 << 20
SAMPLE_SECONDS = 0.05
MAX_GROWTH_MIB = 128
"""Far less than the object, and more than buffers of both ways together."""
NOISE_MIB = 256
TITLE = json.dumps(
    {
        "uid": "bench-1",
        "type": "apartment",
        "address": {"district": "Xicheng", "street": "Xidan"},
        "area": {"value": 61.5, "unit": "m2", "kind": "officialArea"},
    }
).encode()
DUTY = AccessContext("OWN_DUTY")


class Made(io.RawIOBase):
    """A file that is made while it is read: a random block, numbered each time it comes."""

    def __init__(self, length: int) -> None:
        self._block = os.urandom(MIB)
        self._left = length
        self._number = 0
        self.digest = hashlib.sha256()

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        wanted = min(self._left, MIB if size < 0 else size)
        chunk = (self._number.to_bytes(8, "big") + self._block)[:wanted]
        self._number += 1
        self._left -= len(chunk)
        self.digest.update(chunk)
        return chunk


class Hashed(io.RawIOBase):
    """A file of which only the digest is kept."""

    def __init__(self) -> None:
        self.digest = hashlib.sha256()
        self.first_at = 0.0

    def writable(self) -> bool:
        return True

    def write(self, chunk: object) -> int:
        data = bytes(cast(bytes, chunk))
        self.first_at = self.first_at or time.perf_counter()
        self.digest.update(data)
        return len(data)


@dataclass
class Watched:
    """The resident memory of one process, in MiB, sampled in the background."""

    process: psutil.Process
    samples: list[float] = field(default_factory=list)

    @contextmanager
    def sampling(self) -> Iterator[None]:
        stop = threading.Event()
        self.samples = [self._now()]

        def sample() -> None:
            while not stop.wait(SAMPLE_SECONDS):
                self.samples.append(self._now())

        thread = threading.Thread(target=sample)
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()
            self.samples.append(self._now())

    def summary(self) -> str:
        samples = self.samples
        return (
            f"min {min(samples):.0f}, median {statistics.median(samples):.0f}, max {max(samples):.0f} MiB"
            f" ({len(samples)} samples)"
        )

    def _now(self) -> float:
        return float(self.process.memory_info().rss) / MIB


@dataclass(frozen=True)
class City:
    """The node in the other process."""

    url: str
    dataset: DatasetId
    writer: str
    reader: str
    process: psutil.Process


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--mib", type=int, default=1024, help="length of the object")
    parser.add_argument("--serve", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve is not None:
        return serve(options.serve)
    with tempfile.TemporaryDirectory() as folder, city(Path(folder)) as node:
        return measure(node, options.mib * MIB)


def serve(folder: Path) -> int:
    """The node's own process: says where it is, and ends with its standard input."""
    with opened(folder, registry.get("property")) as bench, ServedNode.start(bench.node) as served:
        served.wait_until_ready(60)
        journal, now = bench.node.services.journal, bench.node.now()
        tokens = {}
        for role in (Role.WRITER, Role.READER):
            secret = os.urandom(32).hex()
            session = session_of(role)
            journal.run(partial(add_token, secret=secret, session=session, now=now))
            tokens[role.name.lower()] = secret
        print(json.dumps({"url": served.url, "dataset": bench.dataset.hex(), **tokens}), flush=True)
        sys.stdin.read()
    return 0


@contextmanager
def city(folder: Path) -> Iterator[City]:
    started = subprocess.Popen(
        [sys.executable, __file__, "--serve", str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "CITYLEDGER_LOG": "WARNING"},
    )
    assert started.stdin is not None and started.stdout is not None
    try:
        announced = json.loads(started.stdout.readline())
        dataset = DatasetId(bytes.fromhex(announced["dataset"]))
        process = psutil.Process(started.pid)
        yield City(announced["url"], dataset, announced["writer"], announced["reader"], process)
    finally:
        started.stdin.close()
        started.wait(60)


def measure(node: City, length: int) -> int:
    before, watched = noise(), Watched(node.process)
    with watched.sampling():
        warm(node)
    idle, idle_summary = max(watched.samples), watched.summary()
    made, hashed = Made(length), Hashed()
    with bar("in", length) as sent, watched.sampling():
        begun = time.perf_counter()
        with Client(node.url, token=node.writer) as client:
            client.put_record(
                node.dataset,
                "bench-1",
                {"title": TITLE},
                attachments={"attachment": cast(BinaryIO, made)},
                sent=sent,
            )
        in_seconds = time.perf_counter() - begun
    in_most, in_summary = max(watched.samples), watched.summary()
    with bar("out", length) as received, watched.sampling():
        begun = time.perf_counter()
        with Client(node.url, token=node.reader) as client:
            got = client.get_part(
                node.dataset, "bench-1", "attachment", DUTY, to=cast(BinaryIO, hashed), received=received
            )
        out_seconds = time.perf_counter() - begun
    growth = max(in_most, max(watched.samples)) - idle
    is_equal = got == length and made.digest.digest() == hashed.digest.digest()
    after = noise()
    mib = length / MIB
    print(
        f"object            {mib:.0f} MiB, SHA-256 {made.digest.hexdigest()[:16]}…, back equal: {is_equal}\n"
        f"in                {in_seconds:.1f} s, {mib / in_seconds:.0f} MiB/s (sealed, fsynced, numbered)\n"
        f"out               {out_seconds:.1f} s, {mib / out_seconds:.0f} MiB/s, of which"
        f" {hashed.first_at - begun:.1f} s until the first byte (checked against the leaf)\n"
        f"node's RSS idle   {idle_summary}\n"
        f"node's RSS in     {in_summary}\n"
        f"node's RSS out    {watched.summary()}\n"
        f"growth            {growth:.0f} MiB (limit {MAX_GROWTH_MIB})\n"
        f"method            one process each for node and client, HTTP on the loopback, SQLite, directory;"
        f" RSS each {SAMPLE_SECONDS * 1000:.0f} ms\n"
        f"machine           {os.cpu_count()} cores, {platform.machine()}, load {os.getloadavg()[0]:.1f};"
        f" SHA-256 of {NOISE_MIB} MiB took {before:.2f} s before and {after:.2f} s after"
    )
    return 0 if is_equal and growth <= MAX_GROWTH_MIB else 1


def warm(node: City) -> None:
    """A short object both ways, so that what a process loads once is not counted as growth."""
    with Client(node.url, token=node.writer) as client:
        files = {"attachment": cast(BinaryIO, Made(MIB))}
        client.put_record(node.dataset, "warm", {"title": TITLE}, attachments=files)
    with Client(node.url, token=node.reader) as client:
        client.get_part(node.dataset, "warm", "attachment", DUTY, to=cast(BinaryIO, Hashed()))


def noise() -> float:
    begun, block = time.perf_counter(), bytes(MIB)
    digest = hashlib.sha256()
    for _ in range(NOISE_MIB):
        digest.update(block)
    return time.perf_counter() - begun


@contextmanager
def bar(name: str, length: int) -> Iterator[Callable[[int], None]]:
    columns = (TextColumn("{task.description:>3}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, transient=True) as progress:
        task = progress.add_task(name, total=length)
        yield lambda passed: progress.update(task, completed=passed)


if __name__ == "__main__":
    sys.exit(main())

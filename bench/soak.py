"""Ten minutes of mixed load on one node, with its memory watched: does it grow?

The node runs in a process of its own, with a devnet at one-second blocks, SQLite, and batches that close each
five seconds. Over HTTP, writers put new records and new versions of old ones, readers read and look back, and
provers ask for proof files. The node's resident memory is sampled each second and plotted.

The slope is that of a line through the means of ten pieces of time after the first fifth, which a process
needs until it has loaded and cached what it will; with the confidence that ten such means allow.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import random
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import psutil
from curves import Curve, write_svg
from one_agency import STATE, opened, session_of
from rich.progress import Progress

from cityledger.node.serving import ServedNode
from cityledger.store.sessions.tokens import add_token
from cityledger.types import Role

MIB = 1 << 20
PIECES = 10
T95_8 = 2.306
"""Student's t for 95 % with ten means and two parameters."""
WARM_SHARE = 0.2
MAX_MIB_A_MINUTE = 1.0
"""More, and surely so, is reported as a failure: 1.4 GiB a day."""
NOT_ANCHORED_YET = ("prove", 503)
"""A proof of what was just written: requested again after the next batch, it exists."""
LOADS = (("write", 2), ("read", 2), ("prove", 1))


@dataclass(frozen=True)
class City:
    """The node in the other process."""

    url: str
    dataset: str
    tokens: dict[str, str]
    process: psutil.Process

    def headers(self, role: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.tokens[role]}", "Cityledger-Purpose": "OWN_DUTY"}

    def record(self, number: int, tail: str = "") -> str:
        return f"{self.url}/v1/datasets/{self.dataset}/records/place-{number}{tail}"


@dataclass
class Load:
    """What was done, and how it ended: by kind and status."""

    city: City
    stop: threading.Event = field(default_factory=threading.Event)
    done: Counter[tuple[str, int]] = field(default_factory=Counter)
    written: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def write(self, client: httpx.Client, sampler: random.Random) -> int:
        with self._lock:
            is_new = self.written == 0 or sampler.random() < 0.8
            number = self.written if is_new else sampler.randrange(self.written)
        state = json.loads(STATE) | {"availableSpotNumber": sampler.randrange(10)}
        body = {"subjects": [], "parts": {"state": state}}
        status = client.put(
            self.city.record(number), json=body, headers=self.city.headers("writer")
        ).status_code
        with self._lock:
            self.written = max(self.written, number + 1)
        return status

    def read(self, client: httpx.Client, sampler: random.Random) -> int:
        tail = "/history" if sampler.random() < 0.1 else ""
        return client.request(
            "GET", self.city.record(self._chosen(sampler), tail), headers=self.city.headers("reader")
        ).status_code

    def prove(self, client: httpx.Client, sampler: random.Random) -> int:
        url = self.city.record(self._chosen(sampler), "/proof")
        return client.get(url, headers=self.city.headers("reader")).status_code

    def _chosen(self, sampler: random.Random) -> int:
        return sampler.randrange(max(self.written, 1))

    def run(self, kind: str, seed: int) -> None:
        sampler, act = random.Random(seed), getattr(self, kind)
        with httpx.Client(trust_env=False, timeout=30) as client:
            while not self.stop.is_set():
                status = act(client, sampler)
                with self._lock:
                    self.done[kind, status] += 1


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--minutes", type=float, default=10.0, help="(%(default)s)")
    parser.add_argument("--plot", type=Path, default=Path("reports/soak.svg"), help="(%(default)s)")
    parser.add_argument("--serve", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve is not None:
        return serve(options.serve)
    with tempfile.TemporaryDirectory() as folder, city(Path(folder)) as node:
        load, samples = run(node, options.minutes * 60)
        answer = httpx.get(f"{node.url}/readyz", trust_env=False, timeout=10)
    write_svg(options.plot, [Curve("RSS of the node", samples)], "seconds", "MiB")
    return report(load, samples, options.minutes, options.plot, answer.status_code)


def run(node: City, seconds: float) -> tuple[Load, list[tuple[float, float]]]:
    """The load, and (second, MiB) each second."""
    load, samples = Load(node), []
    threads = [
        threading.Thread(target=load.run, args=(kind, seed)) for kind, count in LOADS for seed in range(count)
    ]
    for thread in threads:
        thread.start()
    started = time.monotonic()
    with Progress(transient=True) as progress:
        task = progress.add_task("soaking", total=seconds)
        while (passed := time.monotonic() - started) < seconds:
            samples.append((passed, node.process.memory_info().rss / MIB))
            progress.update(task, completed=passed)
            time.sleep(1)  # the rhythm of the samples
    load.stop.set()
    for thread in threads:
        thread.join()
    return load, samples


def slope(samples: list[tuple[float, float]]) -> tuple[float, float]:
    """MiB a minute, and half the width of its 95 % confidence interval."""
    warm = samples[int(len(samples) * WARM_SHARE) :]
    size = len(warm) // PIECES
    pieces = [warm[place * size : (place + 1) * size] for place in range(PIECES)]
    means = [
        (statistics.fmean(x for x, _ in piece) / 60, statistics.fmean(y for _, y in piece))
        for piece in pieces
    ]
    line = statistics.linear_regression(*zip(*means, strict=True))
    middle = statistics.fmean(x for x, _ in means)
    left = sum((y - line.slope * x - line.intercept) ** 2 for x, y in means)
    spread = sum((x - middle) ** 2 for x, _ in means)
    return line.slope, T95_8 * (left / (PIECES - 2) / spread) ** 0.5


def report(load: Load, samples: list[tuple[float, float]], minutes: float, plot: Path, ready: int) -> int:
    grows, within = slope(samples)
    memory = [mib for _, mib in samples]
    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}")
    print(f"{minutes:g} minutes; {load.written:,} records; load {os.getloadavg()[0]:.1f}; /readyz {ready}")
    for (kind, status), count in sorted(load.done.items()):
        print(f"  {kind:6} {status}  {count:8,}  {count / minutes / 60:8.1f}/s")
    print(f"RSS: first {memory[0]:.0f}, median {statistics.median(memory):.0f}, most {max(memory):.0f} MiB")
    print(f"slope after the first fifth: {grows:+.2f} ± {within:.2f} MiB a minute (95 %)")
    print(f"plotted to {plot}")
    failed = [key for key in load.done if key[1] >= 500 and key != NOT_ANCHORED_YET]
    return int(grows - within > MAX_MIB_A_MINUTE or bool(failed))


def serve(folder: Path) -> int:
    """The node's own process: says where it is, and ends with its standard input."""
    with opened(folder, batch_max_age_seconds=5.0) as bench, ServedNode.start(bench.node, port=0) as served:
        served.wait_until_ready(60)
        tokens = {role.name.lower(): _token(served, role) for role in (Role.WRITER, Role.READER)}
        announced = {"url": served.url, "dataset": f"0x{bench.dataset.hex()}", "tokens": tokens}
        print(json.dumps(announced), flush=True)
        sys.stdin.read()
    return 0


def _token(served: ServedNode, role: Role) -> str:
    secret, now = os.urandom(32).hex(), served.node.now()
    session = session_of(role)
    served.node.services.journal.run(lambda connection: add_token(connection, secret, session, now))
    return secret


@contextmanager
def city(folder: Path) -> Iterator[City]:
    started = subprocess.Popen(
        [sys.executable, __file__, "--serve", str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert started.stdin is not None and started.stdout is not None
    try:
        announced = json.loads(started.stdout.readline())
        yield City(announced["url"], announced["dataset"], announced["tokens"], psutil.Process(started.pid))
    finally:
        started.stdin.close()
        started.wait(60)


if __name__ == "__main__":
    sys.exit(main())

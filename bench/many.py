"""Whether a store of millions of records writes, reads and proves as fast as an empty one.

One SQLite store is filled to each size in turn, and at each the node's own code is timed: a write and a read
with their receipts, a batch of rows, a lookup by identifier and by subject, a proof, the close of a batch.
The same is timed in turn with it in a second store that stays small, so that a busy machine slows both; what
counts is the ratio. (Batches close while a store is filled, so those of the small one come from its filling.)

The filling takes a short way: of 64 records one is sealed, numbered and stored by the code that imports use.
The others are rows of the same lengths, made by SQL from random bytes; they are stored in all tables and
indexes, between the true ones, which every query asks for. Batches are closed at 65,536 leaves and anchored
on a devnet.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import platform
import random
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import padding
import sqlalchemy as sa
from curves import Curve, write_svg
from one_agency import AGENCY, STATE, Bench, opened, session_of
from rich.progress import Progress, TimeRemainingColumn

from cityledger.anchoring.closing import BatchLimits, close_due
from cityledger.errors import UnavailableError
from cityledger.exchange.access import Access, Intent, Target
from cityledger.exchange.lookup import find_by_identifier, find_by_subject, prove
from cityledger.exchange.parts.seal_version import Content
from cityledger.exchange.permits import request_permit
from cityledger.exchange.read import read_plain
from cityledger.exchange.submit import Draft, RowDraft, records_log, seal_rows, submit, submit_rows
from cityledger.formats.rows import Identifier
from cityledger.node.loops import POLL_SECONDS
from cityledger.sealing.record_ids import record_id
from cityledger.store.index import queries as index
from cityledger.store.index.tables import idx_batch
from cityledger.store.records import writes
from cityledger.store.records.identifiers import record_identifier_digest
from cityledger.store.records.versions import SealedRecord
from cityledger.types import NO_END, OWN_DUTY, Action, RecordId, Role, SubjectId

MIB = 1 << 20
BATCH_LEAVES = 65_536
SMALL = 100_000
"""Records of the store that each measurement is compared with."""
GROUP = 65_536
"""Records in one step of the filling: a batch. Fewer would touch as many pages each time."""
SEALED_EACH = 64
ROWS = 200
"""Rows of one import group."""
OFFICER = session_of(Role.WRITER)
READER = replace(OFFICER, role=Role.READER)
SYSTEM = "bench"


@dataclass
class Times:
    """Milliseconds by what was done."""

    milliseconds: dict[str, list[float]] = field(default_factory=dict)

    def note(self, name: str, work: Callable[[], object]) -> None:
        started = time.perf_counter()
        work()
        self.milliseconds.setdefault(name, []).append((time.perf_counter() - started) * 1000)


class Store:
    """The store on its way to its size. Record ``n`` of the filling has ids that follow from ``n``."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.services = bench.node.services
        keys = self.services.keys_of(AGENCY)
        self._record_key = keys.record_key(bench.dataset)
        self._subject_key = keys.subject_key
        with self.services.database.reading() as connection:
            found = index.find_dataset(connection, bench.dataset)
            assert found is not None
            self.dataset = found
            self._log = records_log(connection, found)
        self._content = Content((), {"state": STATE})
        self._model = self._sealed(0)
        self.filled = 0
        self.true: list[int] = []
        self.closing: list[float] = []
        self._unclosed = 0
        self.extra = 0
        self._filling = padding.connect(bench.node.settings.database_url.removeprefix("sqlite:///"))

    def close(self) -> None:
        self._filling.close()

    def record(self, number: int | str) -> RecordId:
        return record_id(self._record_key, f"bench-{number}")

    def subject(self, number: int) -> SubjectId:
        return SubjectId(hashlib.sha256(f"subject-{number}".encode()).digest())

    def fill(self, size: int, on_progress: Callable[[int], None]) -> None:
        """Until ``size`` records were filled in, true ones and others."""
        while self.filled < size:
            count = min(GROUP, size - self.filled)
            true = range(self.filled, self.filled + count, SEALED_EACH)
            self._append([self._sealed(number) for number in true])
            self.true += true
            self._pad(count - len(true))
            self.filled += count
            on_progress(self.filled)
        self._bring_home()

    def wait_anchored(self) -> None:
        """Until the index holds every closed batch."""
        while True:
            self.bench.node.anchorer.tick()
            with self.services.database.reading() as connection:
                batches = sa.select(sa.func.count()).select_from(idx_batch)
                mine = batches.where((idx_batch.c.log == self._log) & idx_batch.c.valid_to.is_(None))
                if connection.execute(mine).scalar_one() >= len(self.closing):
                    return
            time.sleep(POLL_SECONDS)  # a devnet's block is a second away

    def import_rows(self) -> None:
        """One group of an import, sealed before."""
        drafts = [RowDraft(self.record(f"import-{self._extra()}"), 1, self._content) for _ in range(ROWS)]
        self._sealed_rows = seal_rows(self.services, self.dataset, drafts)

    def store_imported(self) -> None:
        permit = request_permit(self.services, self._writing(Target(self.bench.dataset)))
        submit_rows(self.services, permit, self._sealed_rows, lambda _connection, _stored: None)
        self._count(ROWS)

    def write(self) -> None:
        access = self._writing(Target(self.bench.dataset, self.record(f"single-{self._extra()}")))
        submit(self.services, request_permit(self.services, access), Draft(Content((), {"state": STATE})))
        self._count(1)

    def read(self, number: int) -> None:
        target = Target(self.bench.dataset, self.record(number))
        _, opened_parts = read_plain(self.services, self._reading(Action.READ, target))
        assert opened_parts.payloads["state"] == STATE

    def find_identifier(self, number: int) -> None:
        found = find_by_identifier(
            self.services,
            self._reading(Action.LOOKUP, Target(self.bench.dataset)),
            Identifier(SYSTEM, str(number)),
            after=None,
            limit=100,
        )
        assert [one.record for one in found[1].versions] == [self.record(number)]

    def find_subject(self, number: int) -> None:
        target = Target(self.bench.dataset, subject=self.subject(number))
        _, found = find_by_subject(
            self.services,
            self._reading(Action.LOOKUP, target),
            after=None,
            limit=100,
        )
        assert [one.record for one in found.versions] == [self.record(number)]

    def prove(self, number: int) -> None:
        target = Target(self.bench.dataset, self.record(number))
        prove(self.services, self._reading(Action.PROOF, target))

    def _writing(self, target: Target) -> Access:
        return Access(OFFICER, Intent(Action.WRITE, OWN_DUTY), target)

    def _reading(self, action: Action, target: Target) -> Access:
        return Access(READER, Intent(action, OWN_DUTY), target)

    def _extra(self) -> int:
        self.extra += 1
        return self.extra

    def _append(self, rows: list[SealedRecord]) -> None:
        instance, now = self.services.instance, self.services.clock.at()
        self.services.journal.run(
            lambda connection: writes.append_versions(connection, instance, self._log, rows, now)
        )
        self._count(len(rows))

    def _count(self, rows: int) -> None:
        self._unclosed += rows
        while self._unclosed >= BATCH_LEAVES:
            self._close()

    def _bring_home(self) -> None:
        """Else what is measured next would bring home what the filling left in the write-ahead log."""
        self._filling.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def _close(self) -> None:
        self._bring_home()
        limits, now = BatchLimits(NO_END, BATCH_LEAVES), self.services.clock.at()
        started = time.perf_counter()
        close_due(self.services.database, self.services.journal, [AGENCY], limits, now)
        self.closing.append((time.perf_counter() - started) * 1000)
        self._unclosed -= BATCH_LEAVES
        self.bench.node.anchorer.tick()

    def _pad(self, count: int) -> None:
        with self._filling:
            padding.pad(self._filling, self._log, count, self._model, self.services.clock.at())
        self._count(count)

    def _sealed(self, number: int) -> SealedRecord:
        drafts = [RowDraft(self.record(number), 1, self._content)]
        sealed = seal_rows(self.services, self.dataset, drafts)[0]
        digest = record_identifier_digest(self._subject_key, SYSTEM, str(number))
        return replace(sealed, subjects=(self.subject(number),), identifiers=(digest,))


def measure(stores: Sequence[Store], samples: int) -> list[dict[str, list[float]]]:
    """Each kind of work in each store in turn, round after round, so that a busy moment hits all of them."""
    times = [Times() for _ in stores]
    works = [_round_of(store, one) for store, one in zip(stores, times, strict=True)]
    for number in range(samples):
        for work in works:
            work(number)
    return [one.milliseconds for one in times]


def _round_of(store: Store, times: Times) -> Callable[[int], None]:
    sampler = random.Random(store.filled)
    # Other writes take numbers too, so that these run ahead of what was filled in.
    closed = [one for one in store.true if one < len(store.closing) * BATCH_LEAVES // 2]

    def work(number: int) -> None:
        times.note("write", store.write)
        chosen, proven = sampler.choice(store.true), sampler.choice(closed)
        times.note("read", lambda: store.read(chosen))
        times.note("find by identifier", lambda: store.find_identifier(chosen))
        times.note("find by subject", lambda: store.find_subject(chosen))
        times.note("proof", lambda: store.prove(proven))
        if number % 10 == 0:
            store.import_rows()
            times.note(f"{ROWS} rows", store.store_imported)

    return work


def noise(folder: Path) -> str:
    """How fast this machine is at this moment, by two fixed pieces of work."""
    started = time.perf_counter()
    hashlib.sha256(bytes(64 * MIB)).digest()
    hashed = time.perf_counter() - started
    syncs = []
    with (folder / "noise").open("wb", buffering=0) as file:
        for _ in range(50):
            started = time.perf_counter()
            file.write(bytes(4096))
            os.fsync(file.fileno())
            syncs.append((time.perf_counter() - started) * 1000)
    return f"hashes {64 / hashed:,.0f} MiB/s, a synced write takes {statistics.median(syncs):.2f} ms"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--sizes", default="500000,1000000,2000000,5000000", help="records to measure at (%(default)s)"
    )
    parser.add_argument("--samples", type=int, default=200, help="of each kind and size (%(default)s)")
    parser.add_argument("--folder", type=Path, help="where the stores grow; needs 15 GB  [a temporary one]")
    parser.add_argument("--plot", type=Path, default=Path("reports/many.svg"), help="(%(default)s)")
    options = parser.parse_args()
    sizes = sorted(int(one) for one in options.sizes.split(","))
    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}")
    print(f"SQLite, 3 parts a record, one subject and one identifier; {options.samples} samples, wall clock")
    with tempfile.TemporaryDirectory(dir=options.folder) as folder, ExitStack() as stack:
        small, grown = (stack.enter_context(_store(Path(folder) / name)) for name in ("small", "grown"))
        with _progress(small, SMALL) as on_progress:
            small.fill(SMALL, on_progress)
        curve = list(_points(small, grown, Path(folder) / "grown", sizes, options.samples))
    _print(curve)
    write_svg(options.plot, _curves(curve), "records in the store", f"median, relative to {SMALL:,} records")
    print(f"plotted to {options.plot}")


@dataclass(frozen=True, slots=True)
class Point:
    """Milliseconds by kind of work, in the grown store and in the small one."""

    size: int
    grown: dict[str, list[float]]
    small: dict[str, list[float]]


@contextmanager
def _store(folder: Path) -> Iterator[Store]:
    """A node of its own on a devnet of its own, which follows the chain; anchoring is left to the store."""
    folder.mkdir()
    with opened(folder, batch_max_age_seconds=604_800.0) as bench:
        stop = threading.Event()
        following = threading.Thread(target=lambda: bench.node.indexer.run(stop, POLL_SECONDS))
        following.start()
        try:
            with closing(_ready(bench)) as store:
                yield store
        finally:
            stop.set()
            following.join()
            bench.node.close()


@contextmanager
def _progress(store: Store, size: int) -> Iterator[Callable[[int], None]]:
    with Progress(*Progress.get_default_columns(), TimeRemainingColumn(), transient=True) as progress:
        task = progress.add_task(f"filling to {size:,}", total=size, completed=store.filled)
        yield lambda done: progress.update(task, completed=done)


def _points(small: Store, grown: Store, folder: Path, sizes: list[int], samples: int) -> Iterator[Point]:
    small.wait_anchored()
    measure([small], 20)  # a warm-up, not counted
    for size in sizes:
        started, closed, filled = time.perf_counter(), len(grown.closing), grown.filled
        with _progress(grown, size) as on_progress:
            grown.fill(size, on_progress)
        speed = (size - filled) / (time.perf_counter() - started)
        grown.wait_anchored()
        of_small, of_grown = measure([small, grown], samples)
        of_small["close of 65,536"], of_grown["close of 65,536"] = small.closing, grown.closing[closed:]
        stored = sum(path.stat().st_size for path in folder.glob("node.db*")) / MIB
        print(f"\n{size:,} records: {stored:,.0f} MiB, filled at {speed:,.0f}/s; {noise(folder)}", flush=True)
        _print_point(of_grown, of_small)
        yield Point(size, of_grown, of_small)


def _ready(bench: Bench) -> Store:
    while True:
        try:
            bench.node.anchorer.tick()
            store = Store(bench)
            store.write()
            return store
        except (UnavailableError, AssertionError):
            time.sleep(POLL_SECONDS)


def _print_point(grown: dict[str, list[float]], small: dict[str, list[float]]) -> None:
    for name, values in grown.items():
        reference = small[name]
        print(
            f"  {name:20} median {statistics.median(values):8.2f} ms, beside it in {SMALL:,} records"
            f" {statistics.median(reference):8.2f} ms   p95 {_p95(values):8.2f} and {_p95(reference):.2f} ms"
            f"   n={len(values)} and {len(reference)}",
            flush=True,
        )


def _print(curve: list[Point]) -> None:
    print(f"\nmedian relative to that in {SMALL:,} records at the same time (p95 relative)")
    print(f"  {'':20}" + "".join(f"{point.size:>16,}" for point in curve))
    for name in curve[0].grown:
        cells = [f"{_ratio(point, name):.2f} ({_tail_ratio(point, name):.2f})" for point in curve]
        print(f"  {name:20}" + "".join(f"{cell:>16}" for cell in cells))


def _ratio(point: Point, name: str) -> float:
    return statistics.median(point.grown[name]) / statistics.median(point.small[name])


def _tail_ratio(point: Point, name: str) -> float:
    return _p95(point.grown[name]) / _p95(point.small[name])


def _curves(curve: list[Point]) -> list[Curve]:
    return [
        Curve(name, [(SMALL, 1.0), *((float(point.size), _ratio(point, name)) for point in curve)])
        for name in curve[0].grown
    ]


def _p95(values: list[float]) -> float:
    return sorted(values)[min(len(values) * 95 // 100, len(values) - 1)]


if __name__ == "__main__":
    main()

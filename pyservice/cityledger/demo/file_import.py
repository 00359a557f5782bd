"""Imports every public file into a separate city, and checks that all of it is stored and anchored."""

from __future__ import annotations

import io
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from cityledger.client import OWN_DUTY, RpcLedgerReader
from cityledger.client.forms.imports import Import, ImportRow
from cityledger.demo.city import build_city
from cityledger.demo.expected_state import ExpectedState, ExpectedVersion
from cityledger.demo.public_files import PublicFile, files_in
from cityledger.demo.reading_back import anchored_numbers, read_back
from cityledger.demo.stage import Stage
from cityledger.demo.story import own_folder, served_city
from cityledger.devnet import Devnet
from cityledger.errors import ConfigurationError, InputError, UnavailableError, VerificationError
from cityledger.exchange.services import Services
from cityledger.formats import registry as formats
from cityledger.formats.compression import Limits, unpacked
from cityledger.formats.rows import RejectedRow, Row
from cityledger.profiles import registry as profiles
from cityledger.proofs.verify import Level
from cityledger.sealing.record_ids import record_id
from cityledger.store.anchoring import logs
from cityledger.store.index import queries as index
from cityledger.store.index.queries import Dataset
from cityledger.types import LogId, Role

ANCHORED_WITHIN_SECONDS = 120.0
PROVEN_PER_FILE = 1
"""Number of records of each file that are read over HTTP and whose proof file is checked against the chain.
"""
_MAX_BYTES = 1 << 30

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class FileResult:
    """The outcome of one file. ``rows`` were read from it independently of the import; ``expected`` are the
    versions that they should have made; ``equal`` counts those that are stored byte for byte, ``anchored``
    their leaves under a root on chain, ``proven`` the records that were read over HTTP and proven.
    """

    name: str
    kind: PublicFile
    rows: int
    outcome: Import
    rejected: tuple[ImportRow, ...]
    expected: tuple[ExpectedVersion, ...]
    seconds: float
    equal: int = 0
    anchored: int = 0
    proven: int = 0

    @property
    def is_as_expected(self) -> bool:
        """True if each row has an outcome, and every accepted row is stored, equal and anchored."""
        made = self.outcome.outcomes["accepted"] + self.outcome.outcomes["withdrawn"]
        counts = (len(self.expected), self.equal, self.anchored)
        is_whole = self.outcome.state == "done" and sum(self.outcome.outcomes.values()) == self.rows
        return is_whole and counts == (made, made, made)


def import_everything(data: Path, folder: Path, progress: Progress) -> list[FileResult]:
    """Starts a devnet, a city and its node in ``folder``, and ends them again.

    Raises:
        ConfigurationError: ``data`` has none of the files, or ``folder`` holds something else.
        UnavailableError: not everything was anchored in time.
    """
    files = list(files_in(data))
    if not files:
        raise ConfigurationError(f"{data} has none of the public files")
    with own_folder(folder), Devnet.start(folder / "devnet") as devnet:
        city = build_city(folder, devnet, progress)
        with served_city(city, devnet, 0) as served:
            served.wait_until_ready(60)
            stage = Stage(city, served)
            try:
                return list(_checked(stage, list(_imported(stage, files, progress)), progress))
            finally:
                stage.close()


def _imported(stage: Stage, files: list[tuple[Path, PublicFile]], progress: Progress) -> Iterator[FileResult]:
    states: dict[str, ExpectedState] = {}
    for done, (path, kind) in enumerate(files):
        progress("files imported", done, len(files))
        state = states.setdefault(kind.path, ExpectedState(profiles.get(_dataset(stage, kind.path).profile)))
        yield _import(stage, path, kind, state)
    progress("files imported", len(files), len(files))


def _import(stage: Stage, path: Path, kind: PublicFile, state: ExpectedState) -> FileResult:
    client = stage.client_of(stage.provider_of(kind.path), Role.WRITER)
    began = time.monotonic()
    with path.open("rb") as stream:
        begun = client.start_import(stage.dataset_id(kind.path), stream, kind.format, kind.options)
    outcome = client.wait_import(begun.id, pause_seconds=0.1)
    seconds = time.monotonic() - began
    rejected = tuple(client.import_rows(begun.id))
    items = list(_rows(path, kind))
    expected = tuple(_expected(items, state, kind))
    return FileResult(path.name, kind, len(items), outcome, rejected, expected, seconds)


def _rows(path: Path, kind: PublicFile) -> Iterator[Row | RejectedRow]:
    with path.open("rb") as stream:
        data = b"".join(unpacked(iter(lambda: stream.read(65_536), b""), Limits(_MAX_BYTES)))
    yield from formats.get(kind.format).read(io.BytesIO(data), kind.options)


def _expected(
    items: list[Row | RejectedRow], state: ExpectedState, kind: PublicFile
) -> Iterator[ExpectedVersion]:
    for item in items:
        if isinstance(item, RejectedRow) or not _fits(item, state):
            continue
        version = state.apply(item, upsert=kind.options.upsert)
        if version is not None:
            yield version


def _fits(row: Row, state: ExpectedState) -> bool:
    try:
        if row.parts:
            state.profile.validate(row.parts)
    except InputError:
        return False
    return True


def _checked(stage: Stage, results: list[FileResult], progress: Progress) -> Iterator[FileResult]:
    services, node = stage.served.node.services, stage.served.node
    reader = RpcLedgerReader(node.settings.rpc_url, node.manifest.address("RecordLedger"))
    _wait_until_anchored(stage)
    ends = anchored_numbers(services, reader)
    found: Counter[tuple[str, str]] = Counter()
    for path in sorted({result.kind.path for result in results}):
        progress("datasets read back", 0, 1)
        found += _found(
            services, _dataset(stage, path), [one for one in results if one.kind.path == path], ends
        )
    for result in results:
        proven = _proven(stage, result, reader)
        name = result.name
        yield replace(result, equal=found[name, "equal"], anchored=found[name, "anchored"], proven=proven)
    progress("datasets read back", 1, 1)
    reader.close()


def _found(
    services: Services, dataset: Dataset, results: list[FileResult], ends: Mapping[LogId, int]
) -> Counter[tuple[str, str]]:
    """By file, the numbers of expected versions that are stored equal, and of anchored leaves.

    Raises:
        VerificationError: a version is stored that no file should have made.
    """
    record_key = services.keys_of(dataset.provider).record_key(dataset.dataset)
    expected = {
        (record_id(record_key, one.provider_id), one.version): (result.name, one.parts)
        for result in results
        for one in result.expected
    }
    found: Counter[tuple[str, str]] = Counter()
    for key, stored in read_back(services, dataset):
        if key not in expected:
            raise VerificationError("a version is stored that no row should have made")
        name, parts = expected[key]
        found[name, "equal"] += dict(parts) == stored.parts
        found[name, "anchored"] += stored.seq < ends.get(stored.log, 0)
    return found


def _proven(stage: Stage, result: FileResult, reader: RpcLedgerReader) -> int:
    """Reads a few versions as an officer would, and verifies their proofs against the chain."""
    client, dataset = stage.client_of(stage.provider_of(result.kind.path)), stage.dataset_id(result.kind.path)
    made = [one for one in result.expected if one.parts][:PROVEN_PER_FILE]
    proven = 0
    for one in made:
        read = client.get_record(dataset, one.provider_id, OWN_DUTY, version=one.version)
        file = client.proof(dataset, one.provider_id, OWN_DUTY, version=one.version, reader=reader)
        proven += dict(read.parts) == dict(one.parts) and file.verdict.level is Level.ANCHORED
    return proven


def _wait_until_anchored(stage: Stage) -> None:
    """Waits until the index has a batch for every leaf of every log."""
    services, deadline = stage.served.node.services, time.monotonic() + ANCHORED_WITHIN_SECONDS
    while time.monotonic() < deadline:
        with services.database.reading() as connection:
            heads = [head for head in logs.list_heads(connection) if head.next_seq]
            known = [index.find_log(connection, head.log) for head in heads]
        if all(log and log.next_seq >= head.next_seq for log, head in zip(known, heads, strict=True)):
            return
        time.sleep(0.25)  # batches are mined with blocks, one per second
    raise UnavailableError(f"not everything was anchored within {ANCHORED_WITHIN_SECONDS:g} s")


def _dataset(stage: Stage, path: str) -> Dataset:
    with stage.served.node.services.database.reading() as connection:
        found = index.find_dataset(connection, stage.dataset_id(path))
    if found is None:
        raise ConfigurationError(f"the city has no dataset {path}")
    return found

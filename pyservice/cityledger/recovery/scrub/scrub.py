"""Reads every stored byte and checks it against its leaf, slowly, while the node serves.

Stages, in order: ``leaves`` (each with its version, tombstone or receipt, and its objects), ``batches``,
``attempts``, ``heads``. The cursor and the findings are durable, so that a scrub resumes where it stopped.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import sqlalchemy as sa

from cityledger.errors import NotFoundError
from cityledger.keccak import keccak
from cityledger.proofs.merkle import Tree
from cityledger.recovery.scrub.extent import STAGES, is_later, rows_left
from cityledger.recovery.scrub.findings import INVESTIGATE, KEYS, REBUILD, RESTORE, Finding, reported, require
from cityledger.recovery.scrub.leaf import Grounds, LongPart, scrub_leaf, scrub_object
from cityledger.store import node_state
from cityledger.store.anchoring import logs
from cityledger.store.anchoring.batches import batched_end, numbered_at
from cityledger.store.engine.database import Database
from cityledger.store.engine.journal import Journal
from cityledger.store.index.tables import idx_batch, idx_head, idx_log
from cityledger.store.index.versions import select_now
from cityledger.store.records.versions import is_object_needed
from cityledger.store.tables import attempt, batch, leaf, receipt, record_part, record_version, tombstone
from cityledger.store.tables import node_state as node_state_table
from cityledger.types import HaltCause, LogId

KEY = "scrub"
PAGE = 100
PAGES_A_SAVE = 10
MAX_FINDINGS = 1_000
"""More would not help: the store must be restored."""
_BEHIND = (HaltCause.CHAIN_AHEAD, HaltCause.OTHER_ROOT)
"""Causes of halts in which the chain holds leaves of the log that this database never will."""


@dataclass
class Progress:
    """The progress of a scrub; ``log`` and ``seq`` are the last that was read in ``stage``.

    ``rows`` of ``total`` are read: leaves, batches, attempts and log heads. The total is counted at the start
    of each stage, since the node may add rows; at the end both are equal.
    """

    stage: str = "leaves"
    log: int = 0
    seq: int = -1
    leaves: int = 0
    rows: int = 0
    total: int = 0
    bytes: int = 0
    findings: list[Finding] = field(default_factory=list)


class Scrub:
    """One run. ``throttle`` is called with the number of bytes read, and may wait."""

    def __init__(
        self, database: Database, journal: Journal, grounds: Grounds, throttle: Callable[[int], None]
    ) -> None:
        self._database, self._journal, self._grounds, self._throttle = database, journal, grounds, throttle

    def run(self, *, restart: bool, on_progress: Callable[[Progress], None] = lambda _at: None) -> Progress:
        """Runs to the end, from where the previous run stopped unless ``restart``; the next run starts over.

        Raises:
            UnavailableError: database or object store do not answer; the next run resumes.
        """
        at = Progress() if restart else self._load()
        stages = {
            "leaves": self._leaves,
            "batches": self._batches,
            "attempts": self._attempts,
            "heads": self._heads,
        }
        for name in STAGES[STAGES.index(at.stage) :]:
            if at.stage != name:
                at.stage, at.log, at.seq = name, 0, -1
            at.total = at.rows + self._rows_left(at)
            pages = 0
            while stages[name](at):
                del at.findings[MAX_FINDINGS:]
                at.total = max(at.total, at.rows)
                on_progress(at)
                pages += 1
                if pages % PAGES_A_SAVE == 0:
                    self._save(at)
            self._save(at)
        at.total = at.rows
        on_progress(at)
        self._forget()
        return at

    def _rows_left(self, at: Progress) -> int:
        with self._database.reading() as connection:
            return rows_left(connection, at.stage, at.log, at.seq)

    # --- stages: each checks a page, and returns whether there may be more ---------------------------------

    def _leaves(self, at: Progress) -> bool:
        long: list[LongPart] = []
        with self._database.reading() as connection:
            rows = connection.execute(_after(leaf, leaf.c.seq, at)).all()
            for row in rows:
                with reported(at.findings, row.log, row.seq, RESTORE):
                    expected = at.seq + 1 if row.log == at.log else 0
                    at.log, at.seq = row.log, row.seq
                    require(row.seq == expected, f"leaves from {expected} on are missing before it")
                with reported(at.findings, row.log, row.seq, RESTORE):
                    long += scrub_leaf(connection, self._grounds, row)
                at.leaves += 1
                at.rows += 1
            read = sum(_sealed_bytes(connection, rows))
        at.bytes += read
        self._throttle(read)
        for one in long:
            self._object(at, one)
        return bool(rows)

    def _object(self, at: Progress, long: LongPart) -> None:
        with reported(at.findings, long.log, long.seq, RESTORE):
            try:
                read = scrub_object(self._grounds, long)
            except NotFoundError:
                with self._database.reading() as connection:  # an erasure since then is not a finding
                    needed = is_object_needed(connection, long.part.object or "")
                require(not needed, f"the object of part {long.part.bit} is missing")
                return
            at.bytes += read
            self._throttle(read)

    def _batches(self, at: Progress) -> bool:
        with self._database.reading() as connection:
            rows = connection.execute(_after(batch, batch.c.first, at).limit(8)).all()
            for row in rows:
                expected = at.seq + 1 if row.log == at.log else 0
                with reported(at.findings, row.log, row.first, RESTORE):
                    require(row.first == expected, f"no batch holds the numbers from {expected} on")
                with reported(at.findings, row.log, row.first, RESTORE):
                    hashes = logs.load_hashes(connection, LogId(row.log), row.first, row.size)
                    require(len(hashes) == row.size, "leaves of the batch are missing")
                    require(Tree(hashes).root == row.root, "the batch's root differs from that of its leaves")
                    newest = numbered_at(connection, row.log, row.first + row.size - 1)
                    require(row.closed_at >= newest, "the batch was closed before its last leaf was numbered")
                with reported(at.findings, row.log, row.first, REBUILD):
                    here = (idx_batch.c.log == row.log) & (idx_batch.c.first == row.first)
                    chain = connection.execute(select_now(idx_batch).where(here)).one_or_none()
                    same = chain is None or (chain.size, chain.root) == (row.size, row.root)
                    require(same, "the index holds another batch with this number")
                at.log, at.seq = row.log, row.first + row.size - 1
                at.rows += 1
        self._throttle(sum(32 * row.size for row in rows))
        return bool(rows)

    def _attempts(self, at: Progress) -> bool:
        with self._database.reading() as connection:
            query = sa.select(attempt).where(attempt.c.id > at.seq).order_by(attempt.c.id).limit(PAGE)
            rows = connection.execute(query).all()
        for row in rows:
            with reported(at.findings, -1, -1, INVESTIGATE):
                is_whole = keccak(bytes(row.raw)) == row.tx_hash
                require(is_whole, f"the transaction with nonce {row.nonce} does not match its hash")
            at.seq = row.id
            at.rows += 1
        self._throttle(sum(len(row.raw) for row in rows))
        return bool(rows)

    def _heads(self, at: Progress) -> bool:
        with self._database.reading() as connection:
            stored = node_state.find_value(connection, node_state.INSTANCE)
            with reported(at.findings, -1, -1, INVESTIGATE):
                require(stored == self._grounds.instance.hex(), "the database names another instance")
            for head in logs.list_heads(connection):
                self._log_head(connection, at, head)
                self._hosted_keys(connection, at, head)
                at.rows += 1
            self._strays(connection, at)
            self._record_heads(connection, at)
        return False

    def _log_head(self, connection: sa.Connection, at: Progress, head: logs.LogHead) -> None:
        with reported(at.findings, head.log, head.next_seq, RESTORE):
            last = sa.select(leaf.c.seq, leaf.c.hash).where(leaf.c.log == head.log)
            row = connection.execute(last.order_by(leaf.c.seq.desc()).limit(1)).one_or_none()
            found = (0, bytes(32)) if row is None else (row.seq + 1, row.hash)
            require(found == (head.next_seq, head.last_leaf), "the log's head is not its last leaf")
        if head.halted in _BEHIND and logs.is_continued(head, logs.list_heads(connection)):
            return  # it was restored from a backup that is behind the chain: known, and handled
        chain = connection.execute(select_now(idx_log).where(idx_log.c.log == head.log)).one_or_none()
        with reported(at.findings, head.log, head.next_seq, INVESTIGATE):
            is_same = chain is None or (chain.agency, chain.kind) == (head.agency, head.kind)
            require(is_same, "the log is of another agency or kind on chain")
        anchored = 0 if chain is None else chain.next_seq
        with reported(at.findings, head.log, head.next_seq, "`cityledger node logs` names the next step"):
            require(anchored <= head.next_seq, "the chain holds leaves that this database lacks")
            require(head.halted not in _BEHIND, f"the log is halted: {head.halted}")
            with reported(at.findings, head.log, head.next_seq, RESTORE):
                end = batched_end(connection, head.log)
                require(end >= anchored, f"no batch holds the numbers from {end} on, which the chain holds")

    def _hosted_keys(self, connection: sa.Connection, at: Progress, head: logs.LogHead) -> None:
        """Checks that the keyring has the keys of each agency that this node writes or wrote a log for."""
        chain = connection.execute(select_now(idx_log).where(idx_log.c.log == head.log)).one_or_none()
        own = {self._grounds.operator, *self._grounds.keyring.own_accounts()}
        is_ours = chain is not None and chain.operator in own
        if is_ours and head.agency not in self._grounds.keyring.agencies():
            what = f"the keyring has no keys of agency {head.agency}, whose log this is"
            at.findings.append(Finding(head.log, -1, what, KEYS))

    def _strays(self, connection: sa.Connection, at: Progress) -> None:
        """Reports rows whose leaf does not exist."""
        for table in (record_version, tombstone, receipt):
            joined = table.outerjoin(leaf, (leaf.c.log == table.c.log) & (leaf.c.seq == table.c.seq))
            query = sa.select(table.c.log, table.c.seq).select_from(joined).where(leaf.c.log.is_(None))
            for row in connection.execute(query.limit(PAGE)):
                at.findings.append(Finding(row.log, row.seq, f"a {table.name} without its leaf", RESTORE))

    def _record_heads(self, connection: sa.Connection, at: Progress) -> None:
        h, v = idx_head.c, record_version.c
        ours = (h.dataset == v.dataset) & (h.record == v.record) & (h.version == v.version)
        other = h.valid_to.is_(None) & (h.leaf_hash != v.leaf_hash)
        query = sa.select(v.log, v.seq).select_from(idx_head.join(record_version, ours)).where(other)
        for row in connection.execute(query.limit(PAGE)):
            what = "the index names another leaf of this version as the current head"
            at.findings.append(Finding(row.log, row.seq, what, REBUILD))

    # --- the cursor ----------------------------------------------------------------------------------------

    def _load(self) -> Progress:
        with self._database.reading() as connection:
            stored = node_state.find_value(connection, KEY)
        if stored is None:
            return Progress()
        values = json.loads(stored)
        return Progress(**{**values, "findings": [Finding(**one) for one in values["findings"]]})

    def _save(self, at: Progress) -> None:
        value = json.dumps(asdict(at))
        self._journal.run(lambda connection: node_state.put_value(connection, KEY, value))

    def _forget(self) -> None:
        forget = node_state_table.delete().where(node_state_table.c.key == KEY)
        self._journal.run(lambda connection: connection.execute(forget).rowcount)


def _sealed_bytes(connection: sa.Connection, rows: Sequence[sa.Row[Any]]) -> Iterator[int]:
    """The number of bytes in the rows of a page's parts, by log."""
    p, v = record_part.c, record_version.c
    of_version = (p.dataset == v.dataset) & (p.record == v.record) & (p.version == v.version)
    total = sa.select(sa.func.coalesce(sa.func.sum(p.sealed_bytes), 0))
    joined = total.select_from(record_part.join(record_version, of_version)).where(p.object.is_(None))
    for log in {row.log for row in rows}:
        seqs = [row.seq for row in rows if row.log == log]
        here = (v.log == log) & v.seq.between(min(seqs), max(seqs))
        yield int(connection.execute(joined.where(here)).scalar_one())


def _after(table: sa.Table, second: sa.ColumnElement[Any], at: Progress) -> sa.Select[Any]:
    later = is_later(table, second, at.log, at.seq)
    return sa.select(table).where(later).order_by(table.c.log, second).limit(PAGE)

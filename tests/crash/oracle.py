"""Judges a town after crashes: reads the database by plain SQL, the chain by raw JSON-RPC, makes every root
again, and knows what the client was answered. Shares no code with the service.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from cityledger.client.answers import LeafPlace, Written
from crash.raw_chain import AnchoredBatch
from crash.town import Town
from crash.verifier import keccak, leaf_hash, root_of
from crash.waiting import await_that

_NOTHING = bytes(32)
RECORDS, RECEIPTS = 1, 2


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was found, all of it in order."""

    leaves: int
    receipts: int
    batches: int
    transactions: int
    attempts: int

    def __add__(self, other: Verdict) -> Verdict:
        return Verdict(*(getattr(self, one) + getattr(other, one) for one in self.__slots__))


class Oracle:
    def __init__(self, town: Town, database_url: str | None = None) -> None:
        self._town = town
        url = (database_url or town.database_url).replace("postgresql://", "postgresql+psycopg://")
        self._engine = sa.create_engine(url, hide_parameters=True)

    def close(self) -> None:
        self._engine.dispose()

    def rows(self, query: str, **values: object) -> list[Any]:
        with self._engine.connect() as connection:
            return list(connection.execute(sa.text(query), values))

    def leaves(self) -> dict[int, list[bytes]]:
        """Each log's leaf hashes in the order of their numbers."""
        found: dict[int, list[bytes]] = {}
        for log, seq, leaf in self.rows("SELECT log, seq, hash FROM leaf ORDER BY log, seq"):
            hashes = found.setdefault(log, [])
            assert seq == len(hashes), f"log {log} goes from number {len(hashes) - 1} to {seq}"
            hashes.append(bytes(leaf))
        return found

    def await_anchored(self) -> None:
        """Waits until the chain holds every leaf of the logs that are not halted, and the index says so."""
        await_that("every leaf is anchored", self._is_anchored)
        await_that("the index has the chain's last batch", lambda: self._indexed() == self._on_chain())

    def judge(self, *, halted: Mapping[int, str] | None = None, failed: int | None = 0) -> Verdict:
        """Everything of SPEC.md §4 that is visible from outside, at rest; then what scrub and rebuild say.

        ``halted`` are the logs that must be halted, with the word of the cause; no other may be. ``failed``
        is how many of the operator's transactions must have been mined with status 0; None: any number.
        """
        leaves = self.leaves()
        self._verify_heads(leaves, halted or {})
        self._verify_notes(leaves)
        self._verify_owners(leaves)
        receipts = self._verify_receipts(leaves)
        batches = self._verify_chain(leaves, set(halted or {}))
        transactions = self._verify_nonces(failed)
        attempts = self.rows("SELECT count(*) FROM attempt")[0][0]
        self._verify_index()
        self._ask_tools()
        return Verdict(sum(map(len, leaves.values())), receipts, batches, transactions, attempts)

    # --- the database alone ---------------------------------------------------------------------------------

    def _verify_heads(self, leaves: Mapping[int, list[bytes]], halted: Mapping[int, str]) -> None:
        for log, next_seq, last, why in self.rows("SELECT log, next_seq, last_leaf, halted FROM log_head"):
            hashes = leaves.get(log, [])
            assert (next_seq, bytes(last)) == (len(hashes), hashes[-1] if hashes else _NOTHING), (
                f"head of log {log}"
            )
            assert (why or "").startswith(halted.get(log, "")), f"log {log} is halted for {why}"
            assert (why is not None) == (log in halted), f"log {log} is halted for {why}"

    def _verify_notes(self, leaves: Mapping[int, list[bytes]]) -> None:
        """What was acknowledged is there, once."""
        notes = self._town.notes
        placed: list[Written | LeafPlace] = [*notes.written, *notes.erased]
        places = {(leaf.log, leaf.seq): leaf.leaf_hash for leaf in placed}
        for (log, seq), acknowledged in places.items():
            assert leaves[log][seq] == acknowledged, f"acknowledged leaf {seq} of log {log} is another one"
        versions = self.rows("SELECT dataset, record, version, log, seq FROM record_version")
        stored = {(bytes(d), bytes(r), v): (log, seq) for d, r, v, log, seq in versions}
        for one in notes.written:
            assert stored[one.dataset, one.record, one.version] == (one.log, one.seq)
        digests = {bytes(row[0]) for row in self.rows("SELECT digest FROM receipt WHERE permit")}
        for read in notes.reads:
            assert read.receipts and set(read.receipts) <= digests, "a key was released without a receipt"

    def _verify_owners(self, leaves: Mapping[int, list[bytes]]) -> None:
        """Each leaf belongs to one version, tombstone or receipt, and each of these to a leaf."""
        owners: Counter[tuple[int, int]] = Counter()
        for table in ("record_version", "tombstone", "receipt"):
            owners.update((row[0], row[1]) for row in self.rows(f"SELECT log, seq FROM {table}"))  # noqa: S608
        numbered = {(log, seq) for log, hashes in leaves.items() for seq in range(len(hashes))}
        assert set(owners) == numbered and set(owners.values()) <= {1}

    def _verify_receipts(self, leaves: Mapping[int, list[bytes]]) -> int:
        """Each receipt's leaf is made again, by the verifier's own code; the chain of ``previous`` holds."""
        query = "SELECT log, seq, digest, previous, read_no, prev_read_of_record, record FROM receipt"
        rows = self.rows(query + " ORDER BY log, seq")
        reads: dict[tuple[int, bytes], list[bytes]] = {}
        for log, seq, digest, previous, read_no, before, record in rows:
            earlier = reads.setdefault((log, bytes(record)), [])
            assert bytes(previous) == (leaves[log][seq - 1] if seq else _NOTHING), (
                "the chain of receipts breaks"
            )
            assert (read_no, bytes(before)) == (len(earlier) + 1, earlier[-1] if earlier else _NOTHING)
            made = leaf_hash(
                {
                    "type": "ReceiptLeaf",
                    "instance": self._town.manifest.instance,
                    "log": log,
                    "seq": seq,
                    "receipt": bytes(digest),
                    "previous": bytes(previous),
                    "readNo": read_no,
                    "prevReadOfRecord": bytes(before),
                }
            )
            assert made == leaves[log][seq], f"receipt {seq} of log {log} has another leaf"
            earlier.append(made)
        return len(rows)

    # --- the chain ------------------------------------------------------------------------------------------

    def _verify_chain(self, leaves: Mapping[int, list[bytes]], halted: set[int]) -> int:
        """Each leaf is under exactly one root: the batches of a log follow each other without a gap."""
        ends: dict[int, int] = dict.fromkeys(leaves, 0)
        batches = [one for one in self._on_chain() if one.log in leaves]
        for one in batches:
            assert one.first == ends[one.log], f"log {one.log} has a gap or a duplicate at {one.first}"
            ends[one.log] = one.first + one.count
            assert root_of(leaves[one.log][one.first : ends[one.log]]) == one.root
            word = keccak(one.root + one.count.to_bytes(32, "big"))
            assert self._town.chain.word_of(self._town.ledger, one.log, one.first) == word
            self._verify_carried(one)
        assert all(ends[log] == len(hashes) for log, hashes in leaves.items() if log not in halted), ends
        return len(batches)

    def _verify_carried(self, batch: AnchoredBatch) -> None:
        """The transaction was ours, and durable as one that carries this batch."""
        query = (
            "SELECT count(*) FROM attempt JOIN attempt_batch ON attempt_batch.attempt = attempt.id"
            " WHERE tx_hash = :hash AND attempt_batch.log = :log AND attempt_batch.first = :first"
        )
        values = {"hash": bytes.fromhex(batch.transaction[2:]), "log": batch.log, "first": batch.first}
        assert self.rows(query, **values)[0][0] == 1, f"batch {batch.first} came by no attempt of ours"

    def _verify_nonces(self, failed: int | None) -> int:
        """The operator's nonces have no gap, and each mined transaction was stored before."""
        mined = self._town.chain.mined_of(self._town.operator)
        assert sorted(mined) == list(range(len(mined)))
        attempts: dict[int, set[str]] = {}
        for nonce, tx_hash in self.rows("SELECT nonce, tx_hash FROM attempt"):
            attempts.setdefault(nonce, set()).add("0x" + bytes(tx_hash).hex())
        assert sorted(attempts) == list(range(len(attempts)))
        for nonce, (transaction, _) in mined.items():
            assert transaction in attempts[nonce], f"nonce {nonce} was used by a transaction that is not ours"
        assert failed in (None, sum(not succeeded for _, succeeded in mined.values()))
        return len(mined)

    def _verify_index(self) -> None:
        assert self._indexed() == self._on_chain()
        for number, stored in self.rows("SELECT number, hash FROM block ORDER BY number DESC LIMIT 20"):
            assert self._town.chain.block(number)["hash"] == "0x" + bytes(stored).hex()

    def _ask_tools(self) -> None:
        """The node's own tools find nothing either: no damaged byte, and no other index than the chain's."""
        node = self._town.node
        node.run("node", "scrub", "--folder", str(node.folder))
        node.run("node", "rebuild", "--check", "--folder", str(node.folder))

    def _is_anchored(self) -> bool:
        ends = {one.log: one.first + one.count for one in self._on_chain()}
        heads = self.rows("SELECT log, next_seq FROM log_head WHERE halted IS NULL")
        return all(ends.get(log, 0) == next_seq for log, next_seq in heads)

    def _on_chain(self) -> list[AnchoredBatch]:
        return sorted(self._town.chain.anchored(self._town.ledger), key=lambda one: (one.log, one.first))

    def _indexed(self) -> list[AnchoredBatch]:
        query = "SELECT log, first, size, root, tx_hash, valid_from FROM idx_batch WHERE valid_to IS NULL"
        return [
            AnchoredBatch(log, first, size, bytes(root), "0x" + bytes(tx_hash).hex(), block)
            for log, first, size, root, tx_hash, block in self.rows(query + " ORDER BY log, first")
        ]

"""Inclusion proofs that cost the same in a batch of 65,536 leaves as in one of 256."""

from __future__ import annotations

import threading
from collections import OrderedDict

import sqlalchemy as sa

from cityledger.proofs.merkle import Tree, verify_inclusion
from cityledger.store.anchoring import logs
from cityledger.store.anchoring.batches import Batch
from cityledger.types import LeafHash

SUBTREE_LEAVES = 256
"""A power of two, so that the tree of RFC 9162 is the tree over the roots of such pieces."""
KEPT_TOPS = 512
"""Each takes up to 40 KiB: 20 MiB for batches of 33 million leaves."""


class TreeTops:
    """The upper part of each batch's tree that a proof was asked of, the least recently asked forgotten.

    A top is a function of its batch's leaves, which never change; what is kept under the wrong root would be
    found out, since a proof is checked before it is handed out.
    """

    def __init__(self, kept: int = KEPT_TOPS) -> None:
        self._kept = kept
        self._tops: OrderedDict[bytes, Tree] = OrderedDict()
        self._lock = threading.Lock()

    def path(self, connection: sa.Connection, batch: Batch, index: int) -> tuple[bytes, ...]:
        """The sibling hashes from leaf ``index`` of the batch up to its root.

        Raises:
            VerificationError: the stored leaves are not those that the root was made of.
        """
        top = self._find(batch.root) or self._load(connection, batch)
        first = index - index % SUBTREE_LEAVES
        count = min(SUBTREE_LEAVES, batch.count - first)
        hashes = logs.load_hashes(connection, batch.log, batch.first + first, count)
        lower = Tree(hashes).inclusion_proof(index - first)
        path = (*lower, *top.inclusion_proof(index // SUBTREE_LEAVES))
        verify_inclusion(hashes[index - first], index, batch.count, path, batch.root)
        return path

    def _find(self, root: bytes) -> Tree | None:
        with self._lock:
            found = self._tops.get(root)
            if found is not None:
                self._tops.move_to_end(root)
            return found

    def _load(self, connection: sa.Connection, batch: Batch) -> Tree:
        top = top_of(logs.load_hashes(connection, batch.log, batch.first, batch.count))
        with self._lock:
            self._tops[batch.root] = top
            while len(self._tops) > self._kept:
                self._tops.popitem(last=False)
        return top


def top_of(hashes: list[LeafHash]) -> Tree:
    """The tree over the roots of the subtrees."""
    pieces = range(0, len(hashes), SUBTREE_LEAVES)
    return Tree([Tree(hashes[first : first + SUBTREE_LEAVES]).root for first in pieces])

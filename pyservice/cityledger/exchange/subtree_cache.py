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
MAX_TREES = 512
"""Each needs up to 40 KiB: 20 MiB for batches of 33 million leaves."""


class SubtreeCache:
    """The upper part of the tree of each batch for which a proof was requested; the least recently used is
    dropped.

    It is a function of the batch's leaves, which never change; one stored under the wrong root would be
    detected, since a proof is verified before it is returned.
    """

    def __init__(self, max_trees: int = MAX_TREES) -> None:
        self._max_trees = max_trees
        self._trees: OrderedDict[bytes, Tree] = OrderedDict()
        self._lock = threading.Lock()

    def path(self, connection: sa.Connection, batch: Batch, index: int) -> tuple[bytes, ...]:
        """The sibling hashes from leaf ``index`` of the batch up to its root.

        Raises:
            VerificationError: the stored leaves are not those of the root.
        """
        upper = self._find(batch.root) or self._load(connection, batch)
        first = index - index % SUBTREE_LEAVES
        count = min(SUBTREE_LEAVES, batch.count - first)
        hashes = logs.load_hashes(connection, batch.log, batch.first + first, count)
        lower = Tree(hashes).inclusion_proof(index - first)
        path = (*lower, *upper.inclusion_proof(index // SUBTREE_LEAVES))
        verify_inclusion(hashes[index - first], index, batch.count, path, batch.root)
        return path

    def _find(self, root: bytes) -> Tree | None:
        with self._lock:
            found = self._trees.get(root)
            if found is not None:
                self._trees.move_to_end(root)
            return found

    def _load(self, connection: sa.Connection, batch: Batch) -> Tree:
        upper = upper_tree(logs.load_hashes(connection, batch.log, batch.first, batch.count))
        with self._lock:
            self._trees[batch.root] = upper
            while len(self._trees) > self._max_trees:
                self._trees.popitem(last=False)
        return upper


def upper_tree(hashes: list[LeafHash]) -> Tree:
    """The tree over the roots of the subtrees."""
    pieces = range(0, len(hashes), SUBTREE_LEAVES)
    return Tree([Tree(hashes[first : first + SUBTREE_LEAVES]).root for first in pieces])

"""The tree of one batch: the shape of RFC 9162 §2.1 with keccak, over leaves that are hashed and tagged.

``contracts/libraries/MerkleProof.sol`` checks the same proofs; ``tests/vectors/merkle.json`` tests both.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from cityledger.errors import VerificationError
from cityledger.keccak import keccak

MAX_BATCH_LEAVES = 65_536


def node_hash(left: bytes, right: bytes) -> bytes:
    """keccak(01 ‖ left ‖ right), 32 bytes."""
    return keccak(b"\x01" + left + right)


class Tree:
    """All levels of one batch, hashed once; memory is two hashes a leaf.

    Raises:
        ValueError: no leaf, or more than 65,536.
    """

    def __init__(self, leaf_hashes: Sequence[bytes]) -> None:
        if not 1 <= len(leaf_hashes) <= MAX_BATCH_LEAVES:
            raise ValueError(f"a batch holds 1 to {MAX_BATCH_LEAVES} leaves, not {len(leaf_hashes)}")
        self._levels = [list(leaf_hashes)]
        while len(self._levels[-1]) > 1:
            self._levels.append(_level_above(self._levels[-1]))

    @property
    def size(self) -> int:
        """The number of leaves."""
        return len(self._levels[0])

    @property
    def root(self) -> bytes:
        """The Merkle root, 32 bytes; of one leaf it is the leaf."""
        return self._levels[-1][0]

    def inclusion_proof(self, index: int) -> tuple[bytes, ...]:
        """The sibling hashes from leaf ``index`` (from 0) up to the root, RFC 9162 §2.1.3.1.

        Raises:
            IndexError: the tree has no such leaf.
        """
        if not 0 <= index < self.size:
            raise IndexError(f"leaf {index} of {self.size}")
        path = []
        for level in self._levels[:-1]:
            # A last node without a sibling is its own parent, so that level adds nothing to the path.
            if index ^ 1 < len(level):
                path.append(level[index ^ 1])
            index >>= 1
        return tuple(path)


def root(leaf_hashes: Sequence[bytes]) -> bytes:
    """The Merkle root of 1 to 65,536 leaf hashes."""
    return Tree(leaf_hashes).root


def inclusion_proof(index: int, leaf_hashes: Sequence[bytes]) -> tuple[bytes, ...]:
    """The proof of one leaf. For several leaves of a batch, use a ``Tree``."""
    return Tree(leaf_hashes).inclusion_proof(index)


def verify_inclusion(leaf: bytes, index: int, size: int, path: Sequence[bytes], expected_root: bytes) -> None:
    """Checks that ``leaf`` (a leaf hash) is number ``index`` of the ``size`` leaves under ``expected_root``.

    Raises:
        VerificationError: it is not, or the path is longer or shorter than the tree is high.
    """
    if root_from_path(leaf, index, size, path) != expected_root:
        raise VerificationError("the path does not lead to the root")


def root_from_path(
    leaf: bytes,
    index: int,
    size: int,
    path: Sequence[bytes],
    node: Callable[[bytes, bytes], bytes] = node_hash,
) -> bytes:
    """The root that a path leads to, step by step as RFC 9162 §2.1.3.2; fn, sn and r are its names.

    Raises:
        VerificationError: ``index`` is not below ``size``, or the path is longer or shorter than the tree is
            high.
    """
    if not 0 <= index < size:
        raise VerificationError("the index is outside the batch")
    if any(len(digest) != 32 for digest in (leaf, *path)):
        raise VerificationError("a hash is not 32 bytes")
    fn, sn, r = index, size - 1, leaf
    for sibling in path:
        if sn == 0:
            raise VerificationError("the path is too long")
        if fn & 1 or fn == sn:
            r = node(sibling, r)
            while fn & 1 == 0 and fn != 0:
                fn, sn = fn >> 1, sn >> 1
        else:
            r = node(r, sibling)
        fn, sn = fn >> 1, sn >> 1
    if sn != 0:
        raise VerificationError("the path is too short")
    return r


def _level_above(level: Sequence[bytes]) -> list[bytes]:
    paired = [node_hash(level[i], level[i + 1]) for i in range(0, len(level) - 1, 2)]
    return paired + list(level[len(level) & ~1 :])

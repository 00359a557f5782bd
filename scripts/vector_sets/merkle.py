"""Inclusion proofs, and paths that must be refused."""

from __future__ import annotations

from collections.abc import Iterable

from scripts.vector_sets.values import (
    Vector,
    numbered_leaf,
    vector,
)

from cityledger.proofs.merkle import Tree


def make_merkle() -> Iterable[Vector]:
    for size in (*range(1, 21), 31, 32, 33, 100, 1000, 65_536):
        tree = Tree([numbered_leaf(i) for i in range(size)])
        wanted = range(size) if size <= 20 else sorted({0, 1, size // 2, size - 2, size - 1})
        for index in wanted:
            yield vector(
                f"leaf {index} of {size}", "ok", "leaf i is keccak(00 ‖ u256 i)", **place(tree, index)
            )
    seven = place(Tree([numbered_leaf(i) for i in range(7)]), 6)
    why = "a root does not bind the size: the batch's word in the ledger does"
    yield vector("leaf 6 of 7 told as leaf 5 of 6", "ok", why, **(seven | {"index": 5, "size": 6}))
    yield from make_bad_paths()


def place(tree: Tree, index: int) -> Vector:
    return {
        "leaf": numbered_leaf(index),
        "index": index,
        "size": tree.size,
        "path": list(tree.inclusion_proof(index)),
        "root": tree.root,
    }


def make_bad_paths() -> Iterable[Vector]:
    def refuse(name: str, why: str, base: Vector, **change: object) -> Vector:
        return vector(name, "refuse", why, **(base | change))

    tree = Tree([numbered_leaf(i) for i in range(7)])
    one, last = place(tree, 1), place(tree, 6)
    path = one["path"]
    yield refuse("wrong index", "a proof is bound to its index", one, index=2)
    yield refuse("index beyond the tree", "index must be below size", one, index=7)
    yield refuse("index far beyond the tree", "index must be below size", one, index=2**32 - 1)
    yield refuse("another leaf", "the leaf is not under this root", one, leaf=numbered_leaf(2))
    yield refuse("short path", "the path must reach the root", one, path=path[:-1])
    yield refuse("empty path", "the path must reach the root", one, path=[])
    yield refuse("long path", "the whole path must be consumed", one, path=[*path, numbered_leaf(9)])
    yield refuse("a sibling twice", "the whole path must be consumed", one, path=[*path, path[-1]])
    yield refuse("path in another order", "siblings go from the leaf up", one, path=path[::-1])
    yield refuse("size too small", "size decides the tree's shape", last, size=6)
    yield refuse("size too large", "size decides the tree's shape", last, size=8)
    yield refuse("size 0", "there is no empty batch", one, size=0, index=0)
    pair = Tree([numbered_leaf(0), numbered_leaf(1)])
    yield refuse(
        "duplicate: the last leaf of 3 again as number 3",
        "an odd last leaf is not doubled; that would give one leaf two numbers",
        place(Tree([numbered_leaf(i) for i in range(3)]), 2),
        size=4,
        index=3,
    )
    yield refuse("swapped sides", "the index decides the sides", place(pair, 0), index=1)
    yield refuse(
        "an inner node as leaf",
        "nodes and leaves have different tags; the size decides the height",
        one,
        leaf=pair.root,
        index=0,
        path=path[1:],
    )
    yield refuse("another root", "the path leads elsewhere", one, root=pair.root)

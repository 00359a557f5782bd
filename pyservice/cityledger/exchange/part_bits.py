"""Which parts of a dataset are binary, and so come and go as streams."""

from __future__ import annotations

from cityledger.profiles import registry
from cityledger.store.index import Dataset


def binary_names(dataset: Dataset) -> frozenset[str]:
    """Names of the dataset's binary parts; none where this version does not know the profile."""
    profile = registry.find(dataset.profile)
    return frozenset() if profile is None else profile.binary_parts & frozenset(dataset.part_names)


def binary_mask(dataset: Dataset) -> int:
    """The bits of the binary parts."""
    names = binary_names(dataset)
    return sum(1 << bit for bit, name in enumerate(dataset.part_names) if name in names)


def json_mask(dataset: Dataset) -> int:
    """The bits of the other parts."""
    return ((1 << len(dataset.part_names)) - 1) & ~binary_mask(dataset)

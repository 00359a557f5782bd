"""The whole schema of a node's database, for code that creates or compares it."""

from __future__ import annotations

from cityledger.store import tables
from cityledger.store.columns import metadata
from cityledger.store.index import tables as index_tables

__all__ = ["index_tables", "metadata", "tables"]

"""The whole schema of a node's database, for whoever makes or compares it."""

from __future__ import annotations

from cityledger.store import index_tables, tables
from cityledger.store.columns import metadata

__all__ = ["index_tables", "metadata", "tables"]

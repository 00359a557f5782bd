"""``cityledger node digest``: one digest over the whole index, to compare nodes with."""

from __future__ import annotations

import os
from contextlib import closing
from pathlib import Path
from typing import Annotated

import typer

from cityledger.cli.node.options import NodeFolderOption
from cityledger.cli.output import JsonOption, print_fields


def digest(
    folder: NodeFolderOption = Path(),
    at: Annotated[
        int | None, typer.Option("--at", min=0, help="Block whose state is digested.  [default: the newest]")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Print the digest of the index, whole and by table, at a block. The node may keep serving.

    Example: `cityledger node digest --folder .cityledger/node`

    Two nodes of one city that print the same digest at the same block know the same, but for idx_skipped,
    which holds only a node's own transactions (SPEC.md §4.3).
    """
    from cityledger.chain.manifest import load_manifest
    from cityledger.recovery.index.state_digest import state_digest
    from cityledger.settings import load_settings
    from cityledger.store.engine.database import Database
    from cityledger.store.engine.migrate import verify_schema

    settings = load_settings(folder, os.environ)
    instance = load_manifest(settings.manifest).instance
    with closing(Database(settings.database_url)) as database:
        verify_schema(database)
        with database.reading() as connection:
            found = state_digest(connection, instance, at)
    fields = {"block": found.block.number, "block_hash": found.block.hash, "digest": found.digest}
    print_fields({**fields, **found.tables}, as_json=as_json)

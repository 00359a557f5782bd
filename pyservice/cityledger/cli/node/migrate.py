"""``cityledger node migrate``: the database of a stopped node, brought to this program's schema."""

from __future__ import annotations

import os
from contextlib import closing
from pathlib import Path

from cityledger.cli.node.options import NodeFolderOption
from cityledger.cli.output import JsonOption, print_fields


def migrate(folder: NodeFolderOption = Path(), as_json: JsonOption = False) -> None:
    """Bring the node's database to the schema of this program. Stop the node first, and take a backup.

    Example: `cityledger node migrate --folder .cityledger/node`
    """
    from cityledger.node.lock import sole_process
    from cityledger.settings import load_settings
    from cityledger.store.engine.database import Database
    from cityledger.store.engine.leadership import sole_user
    from cityledger.store.engine.migrate import migrate as migrate_database
    from cityledger.store.engine.migrate import verify_schema

    settings = load_settings(folder, os.environ)
    with sole_process(folder), closing(Database(settings.database_url)) as database, sole_user(database):
        migrate_database(database)
        verify_schema(database)
    print_fields({"migrated": True}, as_json=as_json)

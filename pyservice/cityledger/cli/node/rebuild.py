"""``cityledger node rebuild``: read the chain again from its first block; compare or replace the index."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cityledger.cli.node.options import NodeFolderOption
from cityledger.cli.output import EXIT_VERIFICATION, JsonOption, note, print_fields
from cityledger.cli.progress import progress
from cityledger.errors import UnavailableError

if TYPE_CHECKING:
    from cityledger.chain.follower import Follower
    from cityledger.indexer.indexer import Indexer
    from cityledger.recovery.index.rebuild import TableComparison
    from cityledger.recovery.index.state_digest import StateDigest
    from cityledger.settings import Settings
    from cityledger.store.engine.database import Database
    from cityledger.types import BlockRef

_MAX_ATTEMPTS = 16
"""Maximum number of attempts while the live index follows another fork concurrently."""


def rebuild(
    folder: NodeFolderOption = Path(),
    check: Annotated[
        bool, typer.Option("--check", help="Only compare; the node may keep serving. Exit 4 if they differ.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Read the chain again from the first block, compare the index with it, and put the new one in its place.

    Example: `cityledger node rebuild --folder .cityledger/node --check`

    Without --check, stop the node first. An index that was empty, damaged, or stopped until a rebuild
    is complete afterwards.
    """
    from cityledger.chain.manifest import load_manifest
    from cityledger.node.lock import sole_process
    from cityledger.settings import load_settings
    from cityledger.store.engine.database import Database
    from cityledger.store.engine.leadership import sole_user
    from cityledger.store.engine.migrate import verify_schema

    settings = load_settings(folder, os.environ)
    with ExitStack() as stack:
        if not check:
            stack.enter_context(sole_process(folder))
        database = stack.enter_context(closing(Database(settings.database_url)))
        if not check:
            stack.enter_context(sole_user(database))
        verify_schema(database)
        scratch, indexer, follower = stack.enter_context(_scratch_index(settings, database))
        _catch_up(scratch, indexer, follower, load_manifest(settings.manifest).first_block)
        is_equal = _tell(settings, database, scratch, indexer, as_json=as_json, is_check=check)
        if not check:
            _replace(database, scratch)
            note("the index was replaced; next: cityledger node serve")
    if check and not is_equal:
        raise typer.Exit(EXIT_VERIFICATION)


@contextmanager
def _scratch_index(settings: Settings, live: Database) -> Iterator[tuple[Database, Indexer, Follower]]:
    """An empty index in a file of its own, which knows this node's own transactions."""
    from cityledger.chain.clock import ChainClock
    from cityledger.chain.deploy.deployment import verify_manifest
    from cityledger.chain.follower import Follower
    from cityledger.chain.manifest import load_manifest
    from cityledger.chain.rpc.endpoint import connect
    from cityledger.indexer.indexer import Indexer
    from cityledger.recovery.index.rebuild import carry_attempts
    from cityledger.store.engine.database import Database
    from cityledger.store.engine.journal import Journal
    from cityledger.store.engine.migrate import migrate

    manifest = load_manifest(settings.manifest)
    endpoint = connect(settings.rpc_url, settings.chain_id)
    verify_manifest(endpoint, manifest, str(settings.manifest))
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="cityledger-rebuild-"))
        scratch = stack.enter_context(closing(Database(f"sqlite:///{folder}/index.db")))
        migrate(scratch)
        with live.reading() as known, scratch.writing() as connection:
            carry_attempts(known, connection)
        journal = stack.enter_context(closing(Journal(scratch)))
        follower = Follower(endpoint, manifest)
        indexer = Indexer(follower, scratch, journal, ChainClock(), first_block=manifest.first_block)
        yield scratch, indexer, follower


def _catch_up(scratch: Database, indexer: Indexer, follower: Follower, first: int) -> None:
    total = follower.head().number - first + 1
    with progress("reading the chain") as report:
        is_behind = True
        while is_behind:
            is_behind = indexer.step()
            cursor = _cursor(scratch)
            done = 0 if cursor is None else cursor.number - first + 1
            report("blocks", done, max(done, total))  # the chain grows while it is read


def _cursor(database: Database) -> BlockRef | None:
    from cityledger.store.index.queries import find_cursor

    with database.reading() as connection:
        return find_cursor(connection)


def _tell(
    settings: Settings, live: Database, scratch: Database, indexer: Indexer, *, as_json: bool, is_check: bool
) -> bool:
    """Prints both digests and the first differences; whether there are none."""
    from cityledger.chain.manifest import load_manifest
    from cityledger.recovery.index.rebuild import common_block, compare
    from cityledger.recovery.index.state_digest import state_digest

    instance = load_manifest(settings.manifest).instance
    for _ in range(_MAX_ATTEMPTS):
        with live.reading() as one, scratch.reading() as other:
            block = common_block(one, other)
            if block is not None:
                digests = (
                    state_digest(one, instance, block.number),
                    state_digest(other, instance, block.number),
                )
                found = [table for table in compare(one, other, block.number) if table.different]
                _print(block, digests, found, as_json=as_json)
                return not found
            if not is_check:
                print_fields(
                    {"block": None, "live": None, "rebuilt": state_digest(other, instance).digest},
                    as_json=as_json,
                )
                note("the index holds no block of this chain, so there is nothing to compare")
                return False
        indexer.step()
    raise UnavailableError("the index and the chain have no block in common: see `cityledger node check`")


def _print(
    block: BlockRef,
    digests: tuple[StateDigest, StateDigest],
    found: list[TableComparison],
    *,
    as_json: bool,
) -> None:
    first = [one for table in found for one in table.first]
    fields = {
        "block": block.number,
        "live": digests[0].digest,
        "rebuilt": digests[1].digest,
        "equal": not found,
        **{f"{table.table} differences": table.different for table in found},
    }
    if as_json:
        fields["first"] = [
            {"table": one.table, "key": one.key, "live": one.live, "rebuilt": one.rebuilt} for one in first
        ]
    print_fields(fields, as_json=as_json)
    for one in first:
        note(f"{one.table} {one.key}: live {one.live or 'absent'}; rebuilt {one.rebuilt or 'absent'}")


def _replace(live: Database, scratch: Database) -> None:
    from cityledger.recovery.index.rebuild import replace

    with progress("replacing the index") as report, live.writing() as one, scratch.reading() as other:
        replace(one, other, report)

"""``cityledger node scrub``: every stored byte against what its leaf commits to."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from contextlib import ExitStack, closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cityledger.cli.node.options import NodeFolderOption
from cityledger.cli.node.scrub_progress import scrubbing
from cityledger.cli.output import EXIT_VERIFICATION, JsonOption, note, print_rows
from cityledger.cli.progress import MIB

if TYPE_CHECKING:
    from cityledger.recovery.scrub.scrub import Scrub
    from cityledger.settings import Settings


def scrub(
    folder: NodeFolderOption = Path(),
    mib_per_second: Annotated[
        float,
        typer.Option("--mib-per-second", min=0.01, help="Read no faster than this."),
    ] = 32.0,
    restart: Annotated[
        bool, typer.Option("--restart", help="Begin again, not where the previous run was cut off.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Check every stored byte against what its leaf commits to. The node may keep serving.

    Example: `cityledger node scrub --folder .cityledger/node --mib-per-second 8`

    Versions, wrapped keys, objects, receipts with their signatures and chains, tombstones, batches and log
    heads. Exit code 4 where something is found. A finding names a log and a number, never a record.
    """
    from cityledger.node.lock import verify_restored
    from cityledger.sealing.key_turns import using_all_keys
    from cityledger.settings import load_settings

    settings = load_settings(folder, os.environ)
    verify_restored(folder)
    with using_all_keys(settings.keyring), ExitStack() as stack:
        made = _open(settings, stack, _Pace(mib_per_second * MIB).spent)
        ended = made.run(restart=restart, on_progress=stack.enter_context(scrubbing()))
    rows = [
        {"log": one.log, "seq": one.seq, "what": one.what, "next": one.next_step} for one in ended.findings
    ]
    print_rows(rows, ["log", "seq", "what", "next"], as_json=as_json)
    note(f"{ended.leaves:,} leaves and {ended.bytes / MIB:,.1f} MiB read, {len(rows)} findings")
    if rows:
        raise typer.Exit(EXIT_VERIFICATION)


def _open(settings: Settings, stack: ExitStack, throttle: Callable[[int], None]) -> Scrub:
    from cityledger.chain.manifest import load_manifest
    from cityledger.cli.node.secret import secret_of
    from cityledger.key_sources.opening import open_keyring
    from cityledger.proofs.leaves import ReceiptDomain
    from cityledger.recovery.scrub.leaf import Grounds
    from cityledger.recovery.scrub.scrub import Scrub
    from cityledger.store.engine.database import Database
    from cityledger.store.engine.journal import Journal
    from cityledger.store.engine.migrate import verify_schema
    from cityledger.store.objects import Objects
    from cityledger.types import Address

    manifest = load_manifest(settings.manifest)
    grounds = Grounds(
        manifest.instance,
        ReceiptDomain(settings.chain_id, manifest.address("RecordLedger")),
        open_keyring(settings, secret_of(settings, os.environ)),
        Objects.open(settings.object_store_url),
        Address(settings.operator),
    )
    database = stack.enter_context(closing(Database(settings.database_url)))
    verify_schema(database)
    journal = stack.enter_context(closing(Journal(database)))
    return Scrub(database, journal, grounds, throttle)


class _Pace:
    """Waits so that no more than so many bytes are read a second."""

    def __init__(self, bytes_per_second: float) -> None:
        self._rate, self._began, self._spent = bytes_per_second, time.monotonic(), 0

    def spent(self, count: int) -> None:
        self._spent += count
        ahead = self._spent / self._rate - (time.monotonic() - self._began)
        if ahead > 0:
            time.sleep(ahead)

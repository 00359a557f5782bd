"""``cityledger node``: set up, serve and look after a node."""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cityledger.cli.node_init import init
from cityledger.cli.node_link import link
from cityledger.cli.output import EXIT_ERROR, JsonOption, note, print_fields, print_rows
from cityledger.errors import UnavailableError

if TYPE_CHECKING:
    from cityledger.serving import ServedNode

app = typer.Typer(help="Set up, serve and check a node, the service that hosts one agency or many.")
app.command()(init)
app.command()(link)

NodeFolderOption = Annotated[
    Path, typer.Option("--folder", envvar="CITYLEDGER_FOLDER", help="Folder of the node.", file_okay=False)
]
_READY_SECONDS = 1.0


@app.command()
def serve(
    folder: NodeFolderOption = Path(),
    host: Annotated[str | None, typer.Option(help="Address to listen at.  [default: the settings']")] = None,
    port: Annotated[
        int | None, typer.Option(min=0, max=65_535, help="0 takes a free one.  [default: the settings']")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Serve a node until SIGTERM or Ctrl-C; prints its URL once it answers reads.

    Example: `cityledger node serve --folder .cityledger/node`

    The keyring is opened by the settings' key file, else by the passphrase in CITYLEDGER_PASSPHRASE or as
    typed. A variable CITYLEDGER_<NAME> overrides a setting; CITYLEDGER_LOG sets the level of the log.
    """
    from cityledger.app import log_level_from, open_node
    from cityledger.serving import ServedNode
    from cityledger.settings import load_settings

    stop = _stop_on_signals()
    logging.basicConfig(
        level=log_level_from(os.environ), format="%(asctime)s %(levelname)s %(name)s %(message)s"
    )
    logging.getLogger("httpx").setLevel(logging.WARNING)  # it would log each look at /readyz
    settings = load_settings(folder, os.environ)
    from cityledger.cli.node_secret import secret_of

    node = open_node(settings, secret_of(settings, os.environ))
    with ServedNode.start(node, host=host, port=port) as served:
        _wait_until_ready(served, stop)
        if not stop.is_set() and served.is_running:
            print_fields({"url": served.url}, as_json=as_json)
            sys.stdout.flush()
        while served.is_running and not stop.wait(1.0):
            pass
        failed = not stop.is_set()
    if failed:
        raise UnavailableError("the API ended by itself; the log says why")
    note("stopped")


@app.command()
def check(folder: NodeFolderOption = Path(), as_json: JsonOption = False) -> None:
    """Look at everything that a node needs, and name the next step for what is wrong. Changes nothing.

    Example: `cityledger node check --folder .cityledger/node`
    """
    from cityledger.cli.node_checks import check_node

    lines = check_node(folder, os.environ)
    rows = [{"check": one.name, "ok": one.ok, "detail": one.detail, "next": one.next_step} for one in lines]
    print_rows(rows, ["check", "ok", "detail", "next"], as_json=as_json)
    if not all(one.ok for one in lines):
        raise typer.Exit(EXIT_ERROR)


@app.command()
def migrate(folder: NodeFolderOption = Path(), as_json: JsonOption = False) -> None:
    """Bring the node's database to the schema of this program. Stop the node first, and take a backup.

    Example: `cityledger node migrate --folder .cityledger/node`
    """
    from cityledger.settings import load_settings
    from cityledger.store.database import Database
    from cityledger.store.migrate import migrate as migrate_database
    from cityledger.store.migrate import verify_schema

    database = Database(load_settings(folder, os.environ).database_url)
    try:
        migrate_database(database)
        verify_schema(database)
    finally:
        database.close()
    print_fields({"migrated": True}, as_json=as_json)


def _stop_on_signals() -> threading.Event:
    stop = threading.Event()
    for kind in (signal.SIGTERM, signal.SIGINT):
        signal.signal(kind, lambda *_: stop.set())
    return stop


def _wait_until_ready(served: ServedNode, stop: threading.Event) -> None:
    """However long the index takes to catch up; says so once."""
    is_told = False
    while served.is_running and not stop.is_set():
        try:
            served.wait_until_ready(_READY_SECONDS)
        except UnavailableError as error:
            if not is_told:
                note(f"listening at {served.url}, not ready yet: {error}")
            is_told = True
        else:
            return

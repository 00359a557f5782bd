"""``cityledger node``: set up, serve and look after a node."""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cityledger.cli.node_add_agency import add_agency
from cityledger.cli.node_backup import backup
from cityledger.cli.node_digest import digest
from cityledger.cli.node_exposure import exposure
from cityledger.cli.node_init import init
from cityledger.cli.node_link import link
from cityledger.cli.node_logs import resume_log, show_logs
from cityledger.cli.node_options import NodeFolderOption
from cityledger.cli.node_rebuild import rebuild
from cityledger.cli.node_restore import restore
from cityledger.cli.node_rotate_operator import rotate_operator
from cityledger.cli.node_rotate_vault_key import rotate_vault_key
from cityledger.cli.node_scrub import scrub
from cityledger.cli.output import EXIT_ERROR, JsonOption, note, print_fields, print_rows
from cityledger.errors import UnavailableError
from cityledger.sealing.private_files import private_by_default

if TYPE_CHECKING:
    from cityledger.app import Node
    from cityledger.serving import ServedNode

app = typer.Typer(help="Set up, serve and check a node, the service that hosts one agency or many.")
app.command()(init)
app.command()(link)
app.command()(add_agency)
app.command("logs")(show_logs)
app.command()(resume_log)
app.command()(digest)
app.command()(rebuild)
app.command()(backup)
app.command()(restore)
app.command()(scrub)
app.command()(rotate_vault_key)
app.command()(rotate_operator)
app.command()(exposure)

_READY_SECONDS = 1.0


@app.callback(help=app.info.help)
def private(context: typer.Context) -> None:
    """Makes all files that a command creates private to its user, also in a folder that others can read."""
    context.with_resource(private_by_default())


_LOOK_SECONDS = 1.0
"""How often to look whether the API is alive; a signal is heard at once."""


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
    from cityledger.cli.node_leftovers import remove_leftovers
    from cityledger.cli.node_lock import sole_process
    from cityledger.cli.node_secret import secret_of
    from cityledger.serving import ServedNode
    from cityledger.settings import load_settings
    from cityledger.store.engine.database import is_shared

    stop = _stop_on_signals()
    _log_to_stderr(log_level_from(os.environ))
    settings = load_settings(folder, os.environ)
    with sole_process(folder, shares=is_shared(settings.database_url)):
        remove_leftovers(folder)
        node = open_node(settings, secret_of(settings, os.environ))
        with ServedNode.start(node, host=host, port=port) as served:
            _wait_until_ready(served, stop)
            if not stop.is_set():
                _warn_of_unlinked(node)
            _serve_until(stop, served, as_json=as_json)
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
    from cityledger.cli.node_lock import sole_process
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


def _log_to_stderr(level: int) -> None:
    # Below INFO the libraries quote URLs with the keys in them, and the bodies of answers.
    logging.basicConfig(
        level=max(level, logging.INFO), format="%(asctime)s %(levelname)s %(name)s %(message)s"
    )
    logging.getLogger("cityledger").setLevel(level)
    logging.getLogger("httpx").setLevel(logging.WARNING)  # it would log each look at /readyz


def _serve_until(stop: threading.Event, served: ServedNode, *, as_json: bool) -> None:
    """Prints the URL, and returns when the node is told to stop.

    Raises:
        UnavailableError: the API ended before that.
    """
    if not stop.is_set() and served.is_running:
        print_fields({"url": served.url}, as_json=as_json)
        sys.stdout.flush()
    while not stop.wait(_LOOK_SECONDS):
        if not served.is_running:
            raise UnavailableError("the API ended by itself; the log says why")


def _warn_of_unlinked(node: Node) -> None:
    from cityledger.cli.node_unlinked import unlinked
    from cityledger.types import Address

    services = node.services
    with services.database.reading() as connection:
        for told in unlinked(connection, services.keyring, Address(services.operator.address)):
            note(told)


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

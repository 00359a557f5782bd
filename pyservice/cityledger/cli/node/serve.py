"""``cityledger node serve``: one process that serves a node until it is stopped."""

from __future__ import annotations

import os
import signal
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cityledger.cli.node.log import level_from, log_to_stderr
from cityledger.cli.node.options import NodeFolderOption
from cityledger.cli.output import JsonOption, note, print_fields
from cityledger.errors import UnavailableError

if TYPE_CHECKING:
    from cityledger.node.serving import ServedNode
    from cityledger.node.wiring import Node

_READY_SECONDS = 1.0
_ALIVE_SECONDS = 1.0
"""How often to check that the API is alive; a signal ends the wait at once."""


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
    from cityledger.cli.node.secret import secret_of
    from cityledger.node.leftovers import remove_leftovers
    from cityledger.node.lock import sole_process
    from cityledger.node.serving import ServedNode
    from cityledger.node.wiring import open_node
    from cityledger.settings import load_settings
    from cityledger.store.engine.database import is_shared

    stop = _stop_on_signals()
    log_to_stderr(level_from(os.environ))
    settings = load_settings(folder, os.environ)
    with sole_process(folder, shares=is_shared(settings.database_url)):
        remove_leftovers(folder, note)
        node = open_node(settings, secret_of(settings, os.environ))
        with ServedNode.start(node, host=host, port=port) as served:
            _wait_until_ready(served, stop)
            if not stop.is_set():
                _warn_of_unlinked(node)
            _serve_until(stop, served, as_json=as_json)
    note("stopped")


def _serve_until(stop: threading.Event, served: ServedNode, *, as_json: bool) -> None:
    """Prints the URL, and returns when a signal asks the node to stop.

    Raises:
        UnavailableError: the API ended before that.
    """
    if not stop.is_set() and served.is_running:
        print_fields({"url": served.url}, as_json=as_json)
        sys.stdout.flush()
    while not stop.wait(_ALIVE_SECONDS):
        if not served.is_running:
            raise UnavailableError("the API ended by itself; the log says why")


def _warn_of_unlinked(node: Node) -> None:
    from cityledger.node.unlinked import unlinked
    from cityledger.types import Address

    services = node.services
    with services.database.reading() as connection:
        for sentence in unlinked(connection, services.keyring, Address(services.operator.address)):
            note(sentence)


def _stop_on_signals() -> threading.Event:
    stop = threading.Event()
    for kind in (signal.SIGTERM, signal.SIGINT):
        signal.signal(kind, lambda *_: stop.set())
    return stop


def _wait_until_ready(served: ServedNode, stop: threading.Event) -> None:
    """However long the index takes to catch up; says so once."""
    is_reported = False
    while served.is_running and not stop.is_set():
        try:
            served.wait_until_ready(_READY_SECONDS)
        except UnavailableError as error:
            if not is_reported:
                note(f"listening at {served.url}, not ready yet: {error}")
            is_reported = True
        else:
            return

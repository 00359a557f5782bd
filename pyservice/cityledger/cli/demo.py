"""``cityledger demo``: a whole city in a minute."""

from __future__ import annotations

import signal
import threading
from pathlib import Path
from typing import Annotated

import typer

from cityledger.cli.output import EXIT_ERROR


def command(
    once: Annotated[
        bool, typer.Option("--once", help="End after the story; exit code 0 only if each scene came out.")
    ] = False,
    folder: Annotated[
        Path, typer.Option(help="Where the demo keeps everything; cleared at each start.")
    ] = Path(".cityledger/demo"),
    port: Annotated[int, typer.Option(help="Port of the node on 127.0.0.1; 0 takes a free one.")] = 0,
) -> None:
    """Start a devnet and a node with 53 agencies, tell a story of sharing and refusing, and stay up.

    Each step prints the `curl` that does the same by hand. Ctrl-C ends it.

    Example: `cityledger demo --once`
    """
    from cityledger.demo.story import Wish, play

    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    failed = play(Wish(folder.resolve(), port, once), stop)
    raise typer.Exit(EXIT_ERROR if failed else 0)

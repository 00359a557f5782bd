"""``cityledger demo``: a whole city in a minute."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Annotated

import typer

from cityledger.cli.output import EXIT_ERROR, note


def command(
    once: Annotated[
        bool, typer.Option("--once", help="End after the story; exit code 0 only if each scene succeeded.")
    ] = False,
    folder: Annotated[
        Path, typer.Option(help="Where the demo keeps everything; cleared at each start.")
    ] = Path(".cityledger/demo"),
    port: Annotated[int, typer.Option(help="Port of the node on 127.0.0.1; 0 takes a free one.")] = 0,
) -> None:
    """Start a devnet and a node with 53 agencies, tell a story of sharing and refusing, and stay up.

    Most scenes print a command to try by hand. Ctrl-C ends it.

    Example: `cityledger demo --once`
    """
    from cityledger.demo.story import Wish, play

    signal.signal(signal.SIGTERM, signal.default_int_handler)  # as Ctrl-C: everything started is stopped
    try:
        failed = play(Wish(folder.resolve(), port, once))
    except KeyboardInterrupt:
        note("ended before the end of the story")
        raise typer.Exit(EXIT_ERROR) from None
    raise typer.Exit(EXIT_ERROR if failed else 0)

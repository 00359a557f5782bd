"""``cityledger node check``: every health check of a node, with the next step for what fails."""

from __future__ import annotations

import os
from pathlib import Path

import typer

from cityledger.cli.node.options import NodeFolderOption
from cityledger.cli.output import EXIT_ERROR, JsonOption, print_rows


def check(folder: NodeFolderOption = Path(), as_json: JsonOption = False) -> None:
    """Check everything that a node needs, and name the next step for what failed. Changes nothing.

    Example: `cityledger node check --folder .cityledger/node`
    """
    from cityledger.cli.node.secret import secret_of
    from cityledger.node.folder_checks import check_node

    results = check_node(folder, os.environ, secret_of)
    rows = [{"check": one.name, "ok": one.ok, "detail": one.detail, "next": one.next_step} for one in results]
    print_rows(rows, ["check", "ok", "detail", "next"], as_json=as_json)
    if not all(one.ok for one in results):
        raise typer.Exit(EXIT_ERROR)

"""``cityledger settings``: what is set, and where it came from."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from cityledger.cli.output import JsonOption, note, print_fields, print_rows
from cityledger.errors import ConfigurationError

app = typer.Typer(
    help="Show and check settings: `cityledger.toml`, its table `[client]`, and variables CITYLEDGER_<NAME>."
)

SettingsFolderOption = Annotated[
    Path,
    typer.Option("--folder", envvar="CITYLEDGER_FOLDER", help="Folder of cityledger.toml.", file_okay=False),
]


@app.command()
def show(folder: SettingsFolderOption = Path(), as_json: JsonOption = False) -> None:
    """Print each setting, its value and where that came from: the file, a variable, or the default.

    Example: `cityledger settings show --folder .cityledger/node`

    Of URLs only scheme and host are shown. Without a `cityledger.toml` only the client's settings are.
    """
    from cityledger.settings.showing import overview

    found = overview(folder, os.environ)
    rows = [{"setting": one.name, "value": one.value, "from": one.origin} for one in found.shown]
    print_rows(rows, ["setting", "value", "from"], as_json=as_json)
    if found.wrong:
        note("wrong: " + "; ".join(found.wrong))


@app.command()
def check(folder: SettingsFolderOption = Path(), as_json: JsonOption = False) -> None:
    """Report everything that is wrong with the settings at once; exit code 1 if anything is.

    Example: `cityledger settings check --folder .cityledger/node`

    A variable CITYLEDGER_<NAME> that is unknown is wrong too: it is most likely misspelt.
    """
    from cityledger.settings import load_client_settings, load_settings
    from cityledger.settings.showing import overview

    found = overview(folder, os.environ)
    wrong = [*found.wrong, *(f"{name} is not a variable of this program" for name in found.unknown)]
    if wrong:
        raise ConfigurationError("settings: " + "; ".join(wrong))
    has_node = any("." not in one.name for one in found.shown)
    (load_settings if has_node else load_client_settings)(folder, os.environ)
    fields = {"folder": str(folder), "node": has_node, "client": True, "ok": True}
    print_fields(fields, as_json=as_json)

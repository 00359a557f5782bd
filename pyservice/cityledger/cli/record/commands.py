"""``cityledger record``: the commands on records at a node."""

from __future__ import annotations

import typer

from cityledger.cli.record.change import erase, restrict, withdraw
from cityledger.cli.record.head import move_head
from cityledger.cli.record.import_file import import_
from cityledger.cli.record.put import put
from cityledger.cli.record.read import find, get, history, proof
from cityledger.cli.record.tombstone import tombstone

app = typer.Typer(
    help="Write, read, find, prove and erase records. How to sign in: `cityledger whoami --help`."
)
app.command()(put)
app.command()(move_head)
app.command("import")(import_)
app.command()(tombstone)
app.command()(get)
app.command()(find)
app.command()(history)
app.command()(proof)
app.command()(restrict)
app.command()(withdraw)
app.command()(erase)

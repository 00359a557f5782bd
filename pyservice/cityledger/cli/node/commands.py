"""``cityledger node``: the commands of a node's folder, one module a command."""

from __future__ import annotations

import typer

from cityledger.cli.node.add_agency import add_agency
from cityledger.cli.node.backup import backup
from cityledger.cli.node.check import check
from cityledger.cli.node.digest import digest
from cityledger.cli.node.exposure import exposure
from cityledger.cli.node.init import init
from cityledger.cli.node.link import link
from cityledger.cli.node.logs import resume_log, show_logs
from cityledger.cli.node.migrate import migrate
from cityledger.cli.node.rebuild import rebuild
from cityledger.cli.node.restore import restore
from cityledger.cli.node.rotate_operator import rotate_operator
from cityledger.cli.node.rotate_vault_key import rotate_vault_key
from cityledger.cli.node.scrub import scrub
from cityledger.cli.node.serve import serve
from cityledger.sealing.private_files import private_by_default

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
app.command()(serve)
app.command()(check)
app.command()(migrate)


@app.callback(help=app.info.help)
def private(context: typer.Context) -> None:
    """Makes all files that a command creates private to its user, also in a folder that others can read."""
    context.with_resource(private_by_default())

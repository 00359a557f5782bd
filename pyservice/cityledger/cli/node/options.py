"""Arguments and options that the commands on a node's folder share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

HostedAgencyArgument = Annotated[
    str, typer.Argument(metavar="AGENCY", help="Code or number of a hosted agency.")
]
NodeFolderOption = Annotated[
    Path, typer.Option("--folder", envvar="CITYLEDGER_FOLDER", help="Folder of the node.", file_okay=False)
]

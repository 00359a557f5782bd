"""``cityledger node exposure``: lists what an agency's stolen keys could have been used for."""

from __future__ import annotations

import csv
import os
import re
import sys
from collections.abc import Iterable, Iterator
from contextlib import closing
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cityledger.cli.arguments import bytes32, moment
from cityledger.cli.node.options import NodeFolderOption
from cityledger.cli.output import JsonOption, note, plain, print_rows

if TYPE_CHECKING:
    from cityledger.recovery.exposure import Exposed, Place
    from cityledger.store.engine.database import Database
    from cityledger.types import AgencyId

AgencyArgument = Annotated[str, typer.Argument(metavar="AGENCY", help="Code or number of the agency.")]


def exposure(
    agency: AgencyArgument,
    since: Annotated[str, typer.Option(help="Earliest time of the theft: 2026-11-01, or Unix seconds.")],
    folder: NodeFolderOption = Path(),
    sealing_key_digest: Annotated[
        str | None,
        typer.Option(help="Of the stolen sealing key: releases to it are listed whenever they were made."),
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="Rows of a page.")] = 1_000,
    after: Annotated[str, typer.Option(help="LOG:SEQ of the last row of the page before.")] = "0:-1",
    as_csv: Annotated[bool, typer.Option("--csv", help="Print all rows, without pages, as CSV.")] = False,
    as_json: JsonOption = False,
) -> None:
    """List the reads, writes and erasures that an agency's stolen keys could have made, as this node knows.

    Example: `cityledger node exposure HEALTH --since 2026-11-01 --folder .cityledger/node --csv`

    Run it at the node of each provider, which has the receipts of what the agency read there, and at the
    agency's own node, which has what was written in its name. Changes nothing. The node may serve.
    """
    from cityledger.recovery.exposure import COLUMNS, LIMITS, StolenKeys, list_exposed
    from cityledger.settings import load_settings
    from cityledger.store.engine.database import Database
    from cityledger.store.engine.migrate import verify_schema

    settings = load_settings(folder, os.environ)
    begin = _place(after)
    with closing(Database(settings.database_url)) as database:
        verify_schema(database)
        digest = None if sealing_key_digest is None else bytes32(sealing_key_digest)
        stolen = StolenKeys(_number(database, agency), moment(since), digest)
        found = list_exposed(database, stolen, begin)
        if as_csv:
            _print_csv(found, COLUMNS)
        else:
            _print_page(found, COLUMNS, limit, as_json=as_json)
    note("not known to this list:")
    for one in LIMITS:
        note(f"- {one}")


def _print_page(found: Iterator[Exposed], columns: Iterable[str], limit: int, *, as_json: bool) -> None:
    rows = list(islice(found, limit + 1))
    page = rows[:limit]
    print_rows([one.to_json() for one in page], list(columns), as_json=as_json)
    if len(rows) > limit:
        note(f"there are more: --after {page[-1].log}:{page[-1].seq}")


def _print_csv(found: Iterator[Exposed], columns: Iterable[str]) -> None:
    written = csv.writer(sys.stdout, lineterminator="\n")
    written.writerow(columns)
    for one in found:
        written.writerow([_harmless(plain(value)) for value in one.to_json().values()])


def _harmless(value: object) -> object:
    """Officers and systems are free text: a spreadsheet must not evaluate one as a formula."""
    return f"'{value}" if isinstance(value, str) and value[:1] in "=+-@\t\r" and value else value


def _place(text: str) -> Place:
    if not re.fullmatch(r"[0-9]{1,18}:(-1|[0-9]{1,18})", text):
        raise typer.BadParameter("--after is LOG:SEQ of a row")
    log, _, seq = text.partition(":")
    return int(log), int(seq)


def _number(database: Database, text: str) -> AgencyId:
    from cityledger.errors import NotFoundError
    from cityledger.store.index.queries import find_agency, find_agency_by_code
    from cityledger.types import AgencyId

    with database.reading() as connection:
        if text.isdecimal():
            found = find_agency(connection, AgencyId(int(text)))
        else:
            found = find_agency_by_code(connection, text)
    if found is None:
        raise NotFoundError(f"agency: {text}")
    return found.agency
